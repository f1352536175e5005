"""Responsible for the landmark time that a survival rate belongs to. Pure.

Times stand before their rates ("5-year OS was 60%") or behind them ("60% at 5 years"), alone or in lists
("the 1-, 3- and 5-year rates were 88%, 60% and 42%"). A list is only dealt out where its length and the
words between the rates leave one reading; else the rates are said to be unclear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from extract.records import Mention


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a sentence that one value takes up, its interval and their brackets included."""

    label: str
    start: int
    end: int
    number: float | None
    """As written; None where there is no number."""


@dataclass(frozen=True, slots=True)
class Landmark:
    """What is known of a rate's time."""

    time: Mention | None
    unclear: bool = False
    """Whether the sentence has times, but not one that certainly belongs to the rate."""


_JOIN = re.compile(r"[\s,;/&-]*(?:\b(?:and|or|to)\b)?[\s,-]*", re.IGNORECASE)
_LIST_JOIN = re.compile(r"\s*(?:[,;/&]|,?\s*\b(?:and|or)\b)?\s*", re.IGNORECASE)
_VERSUS = re.compile(r"\b(?:vs?\.?|versus|against|compared|than|as\s+opposed|to)(?=\s|$)", re.IGNORECASE)
_BEHIND = re.compile(r"[^,;.]{0,60}?\b(?:at|after|by|beyond|within)\s+(?:the\s+)?", re.IGNORECASE)
_BRACKETS = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\]|±\s*[\d.·]+\s*%?)")
_AND = re.compile(r"\band\b", re.IGNORECASE)


def find_landmarks(text: str, rates: Sequence[Stretch], times: Sequence[Mention]) -> list[Landmark]:
    """The landmark of each rate of a sentence.

    :param rates: in order.
    :param times: ``time_point`` mentions, in order.
    """
    lists = _time_lists(text, rates, times)
    landmarks = [Landmark(None)] * len(rates)
    owners = _owners(text, rates, lists)
    for number, time_list in enumerate(lists):
        mine = [index for index, owner in enumerate(owners) if owner == number]
        for run in _runs(rates, mine):
            dealt = _deal(text, [rates[index] for index in run], time_list)
            for index, time in zip(run, dealt, strict=True):
                landmarks[index] = Landmark(time, unclear=time is None)
    return landmarks


def _time_lists(text: str, rates: Sequence[Stretch], times: Sequence[Mention]) -> list[list[Mention]]:
    """Times that stand in one list together."""
    lists: list[list[Mention]] = []
    for time in times:
        last = lists[-1][-1] if lists else None
        if last and _JOIN.fullmatch(text, last.end, time.start):
            lists[-1].append(time)
        else:
            lists.append([time])
    return lists


def _owners(text: str, rates: Sequence[Stretch], lists: Sequence[Sequence[Mention]]) -> list[int | None]:
    """Number of the time list that each rate belongs to."""
    if not lists:
        return [None] * len(rates)
    owners: list[int | None] = []
    used: set[int] = set()
    for index, rate in enumerate(rates):
        before = [number for number, times in enumerate(lists) if times[-1].end <= rate.start]
        after = [number for number, times in enumerate(lists) if times[0].start >= rate.end]
        if not before or not after:
            owners.append(before[-1] if before else after[0] if after else None)
        else:
            behind = _reaches_back(text, rates, index, lists[after[0]][0], all_of_run=before[-1] in used)
            owners.append(after[0] if behind else before[-1])
        if owners[-1] is not None and after and owners[-1] == after[0]:
            used.add(after[0])
    return owners


def _reaches_back(
    text: str, rates: Sequence[Stretch], index: int, time: Mention, *, all_of_run: bool
) -> bool:
    """Whether a rate between two times belongs to the later one: "..., 40% at 10 years"."""
    run = [index]
    while run[-1] + 1 < len(rates) and rates[run[-1] + 1].end <= time.start:
        run.append(run[-1] + 1)
    between = text[rates[run[-1]].end : time.start]
    if not _BEHIND.fullmatch(between) or _AND.search(between):
        return False
    return all_of_run or all(
        _is_short(text[rates[left].end : rates[right].start])
        for left, right in zip(run, run[1:], strict=False)
    )


def _is_short(between: str) -> bool:
    """Whether two rates stand in one list: nothing but a comma, "and" or "versus" is between them."""
    between = _BRACKETS.sub("", between)
    return bool(_LIST_JOIN.fullmatch(between) or _VERSUS.fullmatch(between.strip(" ,")))


def _runs(rates: Sequence[Stretch], indices: Sequence[int]) -> list[list[int]]:
    """Rates of one kind that follow one another."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and rates[runs[-1][-1]].label == rates[index].label:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _deal(text: str, rates: Sequence[Stretch], times: Sequence[Mention]) -> list[Mention | None]:
    """Give each rate of a run its time of the list, or None for all where several readings are left."""
    n_times, n_rates = len(times), len(rates)
    if n_times == 1:
        return [times[0]] * n_rates
    n_groups, rest = divmod(n_rates, n_times)
    gaps = [
        _BRACKETS.sub("", text[left.end : right.start]) for left, right in zip(rates, rates[1:], strict=False)
    ]
    versus = [bool(_VERSUS.search(gap)) for gap in gaps]
    if rest or n_groups == 0 or (n_groups == 1 and any(versus)):
        return [None] * n_rates
    by_group = [index % n_times for index in range(n_rates)]
    by_time = [index // n_groups for index in range(n_rates)]
    if n_groups == 1 or _prefers_groups(gaps, versus, n_times, n_groups):
        return [times[number] for number in by_group]
    if _breaks_at(versus, n_groups, inside=True):
        return [times[number] for number in by_time]
    readings = [order for order in (by_group, by_time) if _falls(rates, order)]
    return [times[number] for number in readings[0]] if len(readings) == 1 else [None] * n_rates


def _prefers_groups(gaps: Sequence[str], versus: Sequence[bool], n_times: int, n_groups: int) -> bool:
    """Whether the words between the rates cut them into one stretch per group: "a, b in X and c, d in Y"."""
    if _breaks_at(versus, n_groups, inside=True):
        return False
    long = [not _is_short(gap) or seen for gap, seen in zip(gaps, versus, strict=True)]
    return _breaks_at(long, n_times, inside=False)


def _breaks_at(marks: Sequence[bool], size: int, *, inside: bool) -> bool:
    """Whether the marks are set exactly at the borders of stretches of that size, or exactly inside them."""
    return all(mark == ((place % size != 0) == inside) for place, mark in enumerate(marks, start=1))


def _falls(rates: Sequence[Stretch], order: Sequence[int]) -> bool:
    """Whether no group's rate rises from one time to the next, as a share of survivors cannot."""
    n_times = max(order) + 1
    columns = [
        [rate.number for rate, at in zip(rates, order, strict=True) if at == time] for time in range(n_times)
    ]
    return all(
        later is None or earlier is None or later <= earlier
        for left, right in zip(columns, columns[1:], strict=False)
        for earlier, later in zip(left, right, strict=True)
    )
