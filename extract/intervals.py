"""Responsible for giving bounds of confidence intervals to the values they belong to. Pure.

Bounds carry the name of their value's kind (``OS_CIL`` belongs to an ``OS``), so each kind is settled on
its own. One interval behind several values belongs to the last of them; as many intervals as values, in a
row behind them, belong to them in order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from extract.records import Mention

LOWER, UPPER = "_CIL", "_CIH"

_LEVEL = re.compile(
    r"(?<![\d.·])(?P<level>[5-9]\d(?:[.·]\d+)?)\s*(?:%|percent|per\s+cent)[\s-]*"
    r"(?:(?:two-sided|one-sided|exact|HPD|Bayesian)\s+)?(?:C\.?\s?I\.?s?\b|C\.?I\b|CrI|confidence|credible|HDI)"
    r"|\bC\.?I\.?s?\s*\(?(?P<behind>[5-9]\d)\s*%"
    r"|\bconfidence\s+(?:level|coefficient)\s*(?:of\s+)?(?P<named>[5-9]\d)\s*%",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Interval:
    """The bounds of one interval; one of them may be missing."""

    lower: Mention | None
    upper: Mention | None

    @property
    def start(self) -> int:
        return min(bound.start for bound in (self.lower, self.upper) if bound)

    @property
    def end(self) -> int:
        return max(bound.end for bound in (self.lower, self.upper) if bound)


@dataclass(frozen=True, slots=True)
class Level:
    """A confidence level as stated."""

    percent: float
    start: int
    end: int


def attach_intervals(mentions: Sequence[Mention], kind: str) -> list[tuple[Mention | None, Interval | None]]:
    """Values of a kind with their intervals; an interval that has no value stands with None.

    :param mentions: all mentions of a sentence, in order.
    """
    found: list[tuple[Mention | None, Interval | None]] = []
    values: list[Mention] = []
    intervals: list[Interval] = []
    for event in _iter_events(mentions, kind):
        if isinstance(event, Interval):
            intervals.append(event)
            continue
        if intervals and values:
            found += _pair(values, intervals)
            values, intervals = [], []
        values.append(event)
    # Intervals before the first value of their kind belong to what follows them, as if behind it.
    return found + _pair(values, intervals)


def _iter_events(mentions: Sequence[Mention], kind: str) -> Iterator[Mention | Interval]:
    """Values and intervals in order; an upper bound closes the lower bound right before it."""
    lower: Mention | None = None
    for mention in mentions:
        if mention.label == kind + UPPER:
            yield Interval(lower, mention)
            lower = None
        elif mention.label in (kind, kind + LOWER):
            if lower:
                yield Interval(lower, None)
            lower = mention if mention.label == kind + LOWER else None
            if lower is None:
                yield mention
    if lower:
        yield Interval(lower, None)


def _pair(
    values: Sequence[Mention], intervals: Sequence[Interval]
) -> list[tuple[Mention | None, Interval | None]]:
    n_alone = max(0, len(values) - len(intervals))
    alone: list[tuple[Mention | None, Interval | None]] = [(value, None) for value in values[:n_alone]]
    paired = list(zip(values[n_alone:], intervals, strict=False))
    return [*alone, *paired, *((None, interval) for interval in intervals[len(values) :])]


def find_level(text: str, interval: Interval, previous_end: int) -> Level | None:
    """The level stated for an interval, else the one level that the sentence states.

    :param previous_end: where the mention before the interval ends: between it and the interval is the
        place to state the interval's own level.
    """
    levels = [
        Level(float((match["level"] or match["behind"] or match["named"]).replace("·", ".")), *match.span())
        for match in _LEVEL.finditer(text)
    ]
    own = [level for level in levels if previous_end <= level.start and level.end <= interval.start]
    if own:
        return own[-1]
    if len({level.percent for level in levels}) != 1:
        return None
    before = [level for level in levels if level.end <= interval.start]
    return before[-1] if before else levels[0]
