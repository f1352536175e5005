"""Responsible for endpoint records: the spans of one sentence joined into facts.

"Median OS was 14.1 months (95% CI 11.2-17.8)" is three mentions and one record: overall survival, 14.1
months, bounds 11.2 and 17.8 at 95 %. Pure; what it is worth is measured in docs/endpoint-records.md.

Nothing is dropped: a value that cannot be read, an interval without value or a bound on the wrong side gives
a record whose ``flags`` say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extract.endpoint_draft import (
    KINDS,
    LANDMARKED,
    RATES,
    TIME_POINT,
    TIMES,
    UNIT_BEHIND_VALUE,
    Draft,
    merge_restatements,
    read_units,
    time_unit,
)
from extract.groups import Placed, find_groups
from extract.intervals import Level, attach_intervals, find_level
from extract.landmarks import Landmark, Stretch, find_landmarks
from extract.quantities import PERCENT, REPORTED, UNIT_PATTERN, parse_quantity, to_months
from extract.records import Mention

ENDPOINT_RULE_VERSION = 1
"""Raised when the same mentions would give other records: outputs made by other rules are not mixed."""

MISSING = "missing"
"""State of a record whose sentence gives an interval only."""

LONGEST_PLAUSIBLE_MONTHS = 360.0


@dataclass(frozen=True, slots=True)
class Part:
    """A number of a record and where it stands."""

    start: int
    """First character in the sentence."""
    end: int
    state: str
    """``reported``, ``not_reached`` or ``not_estimable``."""
    value: float | None
    """Months or per cent; None unless reported and readable."""
    original: float | None
    """The number as written."""
    unit: str | None
    """The unit it was written in: ``months``, ``years``, ``weeks``, ``days`` or ``percent``."""


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """One reported value of an endpoint, with what belongs to it. Offsets count from the sentence's start."""

    endpoint: str
    """``OS``, ``PFS``, ``DFS``, ``DoR`` or ``ORR``."""
    measure: str
    """``time`` (in months) or ``rate`` (in per cent)."""
    value: Part | None
    """None where the sentence gives an interval only."""
    lower: Part | None
    upper: Part | None
    level: Level | None
    """Confidence level of the interval."""
    landmark: Part | None
    """Time at which a survival rate holds, in months."""
    group: tuple[int, int] | None
    """Where the arm or group is named, half-open."""
    restated: tuple[int, int] | None
    """Where the same value stands again in another unit: "14.1 months (61 weeks)"."""
    score: float
    """Smallest score among the mentions that were joined, 0 to 1."""
    flags: tuple[str, ...]
    """What is odd about it; see :data:`FLAGS`."""

    @property
    def value_state(self) -> str:
        return self.value.state if self.value else MISSING


FLAGS = {
    "value_missing": "an interval without value",
    "value_unreadable": "the text of the value holds no number that could be read",
    "bound_unreadable": "the text of a bound holds no number that could be read",
    "bound_missing": "an interval with one bound",
    "level_missing": "an interval whose level the sentence does not state, or states in several ways",
    "unit_assumed": "a time without any unit near it, taken as months",
    "open_ended": "a plus sign: at least this value",
    "lower_above_value": "the lower bound lies above the value",
    "value_above_upper": "the value lies above the upper bound",
    "lower_above_upper": "the bounds are the wrong way round",
    "rate_out_of_range": "a rate or a bound of one below 0 or above 100 per cent",
    "implausible_time": "a time of 0 months, or more than 360",
    "landmark_unclear": "the sentence has several times, and none certainly belongs to this rate",
    "implausible_landmark": "a landmark of 0 months, or more than 360",
}
"""Every flag, and what it says."""


def join_records(text: str, mentions: Sequence[Mention]) -> list[EndpointRecord]:
    """The endpoint records of one sentence, in the order of their values.

    :param mentions: what was found in the sentence, with offsets from its start. Labels that are not of
        endpoints are passed over.
    """
    ordered = sorted(mentions, key=lambda mention: (mention.start, mention.end))
    drafts = [
        Draft(kind, value, interval)
        for kind in KINDS
        if any(mention.label.startswith(kind) for mention in ordered)
        for value, interval in attach_intervals(ordered, kind)
    ]
    drafts.sort(key=lambda draft: draft.start)
    if not drafts:
        return []
    read_units(text, drafts)
    drafts = merge_restatements(drafts)
    times = [mention for mention in ordered if mention.label == TIME_POINT]
    starts = [*(draft.start for draft in drafts[1:]), len(text)]
    stretches = [_stretch_of(text, draft, start) for draft, start in zip(drafts, starts, strict=True)]
    landmarks = _landmarks(text, drafts, stretches, times)
    groups = find_groups(text, _placed(drafts, stretches, landmarks, times, len(text)))
    return [
        _record(text, ordered, draft, landmark, (group.start, group.end) if group else None, times)
        for draft, landmark, group in zip(drafts, landmarks, groups, strict=True)
    ]


# Places in the sentence.

_CLOSING = re.compile(rf"\s*(?:{UNIT_PATTERN})?[^()\[\]]{{0,12}}[)\]]", re.IGNORECASE)


def _stretch_of(text: str, draft: Draft, next_start: int) -> Stretch:
    """From the value to the bracket that closes its interval or its restatement.

    An interval that stands behind the next value is left out.
    """
    start = draft.start
    end = max(
        mention.end for mention in draft.mentions if mention.start < next_start or mention.start == start
    )
    inside = text[start:end]
    closing = _CLOSING.match(text, end)
    if closing and inside.count("(") + inside.count("[") > inside.count(")") + inside.count("]"):
        end = closing.end()
    behind = UNIT_BEHIND_VALUE.match(text, end)
    if behind and end > (draft.mention.end if draft.mention else 0):
        end = behind.end()
    number = draft.quantity.number if draft.quantity else None
    return Stretch(draft.kind, start, end, number)


def _landmarks(
    text: str, drafts: Sequence[Draft], stretches: Sequence[Stretch], times: Sequence[Mention]
) -> list[Landmark]:
    rates = [index for index, draft in enumerate(drafts) if draft.kind in LANDMARKED]
    found = find_landmarks(text, [stretches[index] for index in rates], times)
    landmarks = [Landmark(None)] * len(drafts)
    for index, landmark in zip(rates, found, strict=True):
        landmarks[index] = landmark
    return landmarks


def _placed(
    drafts: Sequence[Draft],
    stretches: Sequence[Stretch],
    landmarks: Sequence[Landmark],
    times: Sequence[Mention],
    length: int,
) -> list[Placed]:
    """Each value with the words round it; times before it count as words, times behind it end them."""
    starts = sorted([*(stretch.start for stretch in stretches), *(time.start for time in times)])
    return [
        Placed(
            stretch=stretch,
            key=(stretch.label, landmark.time.start if landmark.time else -1),
            head_start=max((other.end for other in stretches if other.end <= stretch.start), default=0),
            tail_end=min((start for start in starts if start >= stretch.end), default=length),
            inner=_inner(draft, stretch),
        )
        for draft, stretch, landmark in zip(drafts, stretches, landmarks, strict=True)
    ]


def _inner(draft: Draft, stretch: Stretch) -> tuple[int, int]:
    """From the end of the value's number to the start of what belongs to it, where that stands behind it."""
    first = draft.mention.end if draft.mention else stretch.end
    return first, min(
        (part.start for part in draft.mentions if first <= part.start < stretch.end), default=first
    )


# Records and their checks.


def _record(
    text: str,
    ordered: Sequence[Mention],
    draft: Draft,
    landmark: Landmark,
    group: tuple[int, int] | None,
    times: Sequence[Mention],
) -> EndpointRecord:
    interval, level = draft.interval, None
    lower = upper = None
    if interval:
        lower = _part(text, interval.lower, draft.bound_unit)
        upper = _part(text, interval.upper, draft.bound_unit)
        previous = max((mention.end for mention in ordered if mention.end <= interval.start), default=0)
        level = find_level(text, interval, previous)
    value = _part(text, draft.mention, draft.unit)
    at = _landmark_part(text, landmark.time, times) if landmark.time else None
    parts = [*draft.mentions, *([landmark.time] if landmark.time else [])]
    return EndpointRecord(
        endpoint=draft.kind.removesuffix("_percent"),
        measure="time" if draft.kind in TIMES else "rate",
        value=value,
        lower=lower,
        upper=upper,
        level=level,
        landmark=at,
        group=group,
        restated=(draft.restated.start, draft.restated.end) if draft.restated else None,
        score=min(mention.score for mention in parts),
        flags=tuple(_flags(draft, value, lower, upper, level, at, unclear=landmark.unclear)),
    )


def _part(text: str, mention: Mention | None, unit: str | None) -> Part | None:
    if mention is None:
        return None
    quantity = parse_quantity(text[mention.start : mention.end])
    if quantity is None:
        return Part(mention.start, mention.end, REPORTED, None, None, unit)
    unit = quantity.unit if quantity.unit and (quantity.unit == PERCENT) == (unit == PERCENT) else unit
    number = quantity.number
    value = number if number is None or unit is None or unit == PERCENT else to_months(number, unit)
    return Part(mention.start, mention.end, quantity.state, value, number, unit)


def _landmark_part(text: str, time: Mention, times: Sequence[Mention]) -> Part | None:
    """A landmark; one without unit has that of the next one in its list, else of the one before."""
    units = [time_unit([text[other.start : other.end]]) for other in times]
    index = times.index(time)
    nearest = [*units[index:], *reversed(units[:index])]
    return _part(text, time, next((unit for unit in nearest if unit), "months"))


def _flags(
    draft: Draft,
    value: Part | None,
    lower: Part | None,
    upper: Part | None,
    level: Level | None,
    landmark: Part | None,
    *,
    unclear: bool,
) -> Iterable[str]:
    checks = {
        "value_missing": value is None,
        "value_unreadable": _is_unreadable(value),
        "bound_unreadable": _is_unreadable(lower) or _is_unreadable(upper),
        "bound_missing": (lower is None) != (upper is None),
        "level_missing": (lower or upper) is not None and level is None,
        "unit_assumed": draft.unit_assumed,
        "open_ended": bool(draft.quantity and draft.quantity.open_ended),
        "lower_above_value": _is_above(lower, value),
        "value_above_upper": _is_above(value, upper),
        "lower_above_upper": _is_above(lower, upper),
        "landmark_unclear": unclear,
        "implausible_landmark": _is_implausible(landmark),
    }
    if draft.kind in RATES:
        checks["rate_out_of_range"] = any(
            part is not None and part.value is not None and not 0 <= part.value <= 100
            for part in (value, lower, upper)
        )
    else:
        checks["implausible_time"] = _is_implausible(value)
    return (flag for flag, raised in checks.items() if raised)


def _is_unreadable(part: Part | None) -> bool:
    return part is not None and part.state == REPORTED and part.value is None


def _is_above(left: Part | None, right: Part | None) -> bool:
    return (
        left is not None
        and right is not None
        and left.value is not None
        and right.value is not None
        and left.value > right.value
    )


def _is_implausible(time: Part | None) -> bool:
    return time is not None and time.value is not None and not 0 < time.value <= LONGEST_PLAUSIBLE_MONTHS
