"""Responsible for the parts of a report as values: what the page, the terminal and other pages show. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BarRow:
    """A value to show as a bar."""

    label: str
    value: float
    text: str
    """What stands behind the bar."""
    mark: float | None = None
    """A value to compare with."""
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a line."""

    x: float
    y: float
    text: str
    """What it says when pointed at."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A line to draw."""

    title: str
    points: tuple[Point, ...]
    ends: tuple[str, str]
    """What stands under its first and its last point."""


@dataclass(frozen=True)
class Section:
    """A part of a report; what is empty is not shown."""

    title: str
    text: str = ""
    caption: str = ""
    bars: Sequence[BarRow] = ()
    curves: Sequence[Curve] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    lists: Sequence[tuple[str, Sequence[str]]] = ()

    @property
    def says_something(self) -> bool:
        return bool(self.text or self.bars or self.curves or self.rows or self.lists)


@dataclass(frozen=True)
class Page:
    """A whole report, as text that is not escaped yet."""

    title: str
    subtitle: str
    figures: Sequence[tuple[str, str]]
    notices: Sequence[str]
    sections: Sequence[Section]


def number(value: float | None) -> str:
    """A number for people; a dash where there is none."""
    return "-" if value is None else f"{value:,.1f}" if value >= 100 else f"{value:,.2f}"


def duration(seconds: float | None) -> str:
    """A time for people."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"


def share(value: float | None) -> str:
    """A share for people: more digits where it is small or close to all."""
    if value is None:
        return "-"
    near = min(value, 1 - value)
    return f"{value:.3%}" if 0 < near < 0.001 else f"{value:.2%}" if 0 < near < 0.1 else f"{value:.1%}"
