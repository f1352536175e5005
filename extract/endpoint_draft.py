"""Responsible for values on their way to endpoint records: their units, and what is said twice. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from extract.intervals import Interval
from extract.quantities import PERCENT, UNIT_PATTERN, Quantity, find_unit, parse_quantity, to_months
from extract.records import Mention

TIMES = ("OS", "PFS", "DFS", "DoR")
RATES = ("OS_percent", "PFS_percent", "DFS_percent", "ORR")
KINDS = (*TIMES, *RATES)
"""Labels whose mentions are values; each also has ``_CIL`` and ``_CIH``."""
TIME_POINT = "time_point"
LANDMARKED = frozenset(RATES) - {"ORR"}

_SAME_TIME = 0.06
"""How far two statements of one time in different units may be apart, as a share: both are rounded."""


@dataclass(slots=True)
class Draft:
    """A value on its way to a record."""

    kind: str
    """One of :data:`KINDS`."""
    mention: Mention | None
    """None for an interval without value."""
    interval: Interval | None
    quantity: Quantity | None = None
    """What the value says; None where it cannot be read."""
    unit: str | None = None
    """Unit of the value, wherever it stands."""
    bound_unit: str | None = None
    """Unit of bounds that have none of their own."""
    restated: Mention | None = None
    """The same value in another unit."""
    unit_assumed: bool = False

    @property
    def start(self) -> int:
        return self.mention.start if self.mention else self.interval.start if self.interval else 0

    @property
    def mentions(self) -> Iterator[Mention]:
        """All spans that are joined in it, the landmark left out."""
        bounds = (self.interval.lower, self.interval.upper) if self.interval else ()
        return (part for part in (self.mention, self.restated, *bounds) if part)


# Units: of the value itself, of its interval, of the values beside it.


def read_units(text: str, drafts: Sequence[Draft]) -> None:
    """Read every value, and settle the unit of it and of its interval."""
    for draft in drafts:
        draft.quantity = (
            parse_quantity(text[draft.mention.start : draft.mention.end]) if draft.mention else None
        )
        if draft.kind in RATES:
            draft.unit = draft.bound_unit = PERCENT
            continue
        draft.bound_unit = time_unit(_bound_texts(text, draft)) or _unit_behind(text, draft)
        own = draft.quantity.unit if draft.quantity else None
        draft.unit = own if own != PERCENT else None
    _spread_units([draft for draft in drafts if draft.kind in TIMES], _heading_unit(text))


_HEADING = re.compile(
    rf"(?:\bin\s+|\(|,\s*)(?P<unit>{UNIT_PATTERN})(?=\s*[):,;]|\s+(?:was|were|of)\b)", re.IGNORECASE
)


def _heading_unit(text: str) -> str | None:
    """The one unit of time that stands by itself: "OS (months)", "OS in weeks was"."""
    units = {find_unit(match["unit"]) for match in _HEADING.finditer(text)} - {PERCENT}
    return units.pop() if len(units) == 1 else None


def _spread_units(drafts: Sequence[Draft], heading: str | None) -> None:
    """Give times without unit that of their interval, of the next time, of the one before, or of a heading.

    In a list only the last has its unit ("20.3 vs. 15.6 months"), so the next one speaks before the last.
    """
    own = [draft.unit or draft.bound_unit for draft in drafts]
    for index, draft in enumerate(drafts):
        behind = next((unit for unit in own[index:] if unit), None)
        before = next((unit for unit in reversed(own[:index]) if unit), None)
        draft.unit = draft.unit or behind or before or heading
        draft.unit_assumed = draft.unit is None and _has_number(draft)
        draft.unit = draft.unit or "months"
        draft.bound_unit = draft.bound_unit or draft.unit


def _has_number(draft: Draft) -> bool:
    """Whether a unit matters: "not reached" without interval needs none."""
    return draft.interval is not None or (draft.quantity is not None and draft.quantity.number is not None)


def _bound_texts(text: str, draft: Draft) -> list[str]:
    if draft.interval is None:
        return []
    bounds = (draft.interval.lower, draft.interval.upper)
    return [text[bound.start : bound.end] for bound in bounds if bound]


def time_unit(texts: Iterable[str]) -> str | None:
    units = (find_unit(text) for text in texts)
    return next((unit for unit in units if unit and unit != PERCENT), None)


UNIT_BEHIND_VALUE = re.compile(rf"\s*[)\]]?\s*,?\s*(?P<unit>{UNIT_PATTERN})", re.IGNORECASE)


_UNIT_BEHIND = re.compile(
    r"(?:\s*(?:±|\+/[-−–])\s*[\d.·]+|\s*\([^()]*\)|\s*(?:,|and|vs\.?|versus)(?:\s*and)?\s*[\d.·]+)*"
    + UNIT_BEHIND_VALUE.pattern,
    re.IGNORECASE,
)


def _unit_behind(text: str, draft: Draft) -> str | None:
    """A unit behind the value and what is tied to it: "12.6 (10.7-14.1) months", "6.8 ± 0.7 months"."""
    end = max(mention.end for mention in draft.mentions)
    match = _UNIT_BEHIND.match(text, end)
    unit = find_unit(match["unit"]) if match else None
    return unit if unit != PERCENT else None


# Restatements: the same time twice, in different units.


def merge_restatements(drafts: Sequence[Draft]) -> list[Draft]:
    """Join values that say the same time in another unit, one behind the other or list behind list."""
    gone: set[int] = set()
    for index, draft in enumerate(drafts):
        for step in (1, 2, 3):
            other = index + step
            between = [drafts[at] for at in range(index, other + 1) if at < len(drafts) and at not in gone]
            if other < len(drafts) and not gone & {index, other} and _is_restatement(between):
                draft.restated = drafts[other].mention
                if draft.interval is None:
                    draft.interval, draft.bound_unit = drafts[other].interval, drafts[other].bound_unit
                gone.add(other)
    return [draft for index, draft in enumerate(drafts) if index not in gone]


def _is_restatement(drafts: Sequence[Draft]) -> bool:
    first, last = drafts[0], drafts[-1]
    if first.kind in RATES or any(draft.kind != first.kind for draft in drafts):
        return False
    if any(draft.unit != first.unit for draft in drafts[:-1]) or last.unit == first.unit:
        return False
    if first.restated or last.restated or (first.interval and last.interval):
        return False
    left, right = _months(first), _months(last)
    return left is not None and right is not None and abs(left - right) <= _SAME_TIME * max(left, right)


def _months(draft: Draft) -> float | None:
    number = draft.quantity.number if draft.quantity else None
    return to_months(number, draft.unit) if number is not None and draft.unit else None
