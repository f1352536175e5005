"""Halving finds exactly the records that fail by themselves, and blames nobody for bad luck."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.isolate import find_poison


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(1, 200), st.sets(st.integers(0, 250), max_size=5))
def test_finds_every_poison_and_nothing_else(first: int, count: int, poison: set[int]) -> None:
    end = first + count
    inside = {position for position in poison if first <= position < end}

    def fails(low: int, high: int) -> str | None:
        return "died" if any(low <= position < high for position in inside) else None

    found = find_poison(fails, first, end)
    assert found == (dict.fromkeys(inside, "died") if inside or count > 1 else {})


def test_search_ends_once_more_are_found_than_may_be() -> None:
    tries = 0

    def fails(low: int, high: int) -> str | None:
        nonlocal tries
        tries += 1
        return "died"

    assert len(find_poison(fails, 0, 100_000, limit=10)) == 11
    assert tries < 120


def test_failure_that_does_not_come_back_blames_nobody() -> None:
    tries: list[tuple[int, int]] = []

    def fails_once(low: int, high: int) -> str | None:
        tries.append((low, high))
        return "died" if tries.count((low, high)) == 1 and low <= 3 < high else None

    assert find_poison(fails_once, 0, 8) == {}


def test_number_of_tries_grows_with_the_logarithm() -> None:
    tries = 0

    def fails(low: int, high: int) -> str | None:
        nonlocal tries
        tries += 1
        return "died" if low <= 1234 < high else None

    assert find_poison(fails, 0, 5000) == {1234: "died"}
    assert tries < 35
