"""Responsible for finding the records that no worker survives, by halving. The caller does the trying."""

from __future__ import annotations

from collections.abc import Callable

KILLS_WORKER = "kills_worker"
"""How the reason begins where a worker process died."""
CONFIRMATIONS = 2
"""A single record must fail this often again before it is blamed: workers also die for other reasons."""


def find_poison(
    fails: Callable[[int, int], str | None], first: int, end: int, *, limit: int | None = None
) -> dict[int, str]:
    """Positions in ``[first, end)`` that fail by themselves, with the reason.

    :param fails: tries the records of a half-open range; the reason if that failed, else None.
    :param limit: stop as soon as more than so many are found: then it does not matter how many there are.
    """
    poison: dict[int, str] = {}
    ranges = [(first, end)]
    while ranges and (limit is None or len(poison) <= limit):
        low, high = ranges.pop()
        if high - low == 1:
            reasons = [fails(low, high) for _ in range(CONFIRMATIONS)]
            if all(reasons):
                poison[low] = str(reasons[-1])
            continue
        middle = (low + high) // 2
        ranges.extend(half for half in ((middle, high), (low, middle)) if fails(*half))
    return poison
