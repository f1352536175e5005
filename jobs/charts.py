"""Responsible for the geometry of the report's charts: values to places in a picture. Pure.

The pictures are SVG in the page's own template. A chart library would fix colours in the picture, while a
page must be legible in light, dark and print; the light ones also load a script from elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 640.0
LABEL_WIDTH = 190.0
TEXT_WIDTH = 120.0
ROW_HEIGHT = 26.0
PLOT_HEIGHT = 170.0
MARGIN = 46.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart."""

    label: str
    text: str
    """What stands behind the bar."""
    y: float
    width: float
    mark: float | None
    """Where a line crosses the bar, from the left edge of the picture."""
    text_x: float
    """Where the text begins: behind the bar, and behind the line where that is farther."""
    alarm: bool


@dataclass(frozen=True, slots=True)
class BarRow:
    """A value to show as a bar."""

    label: str
    value: float
    text: str
    mark: float | None = None
    """A value to compare with."""
    alarm: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line chart."""

    points: str
    """As SVG wants them: ``x,y x,y``."""
    dots: tuple[tuple[float, float, str], ...]
    """Place of each point, and what it says; empty where there are too many to tell apart."""
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


def bars(rows: Sequence[BarRow]) -> list[Bar]:
    """Lay out bars below one another, the longest as long as there is room."""
    largest = max((max(row.value, row.mark or 0.0) for row in rows), default=0.0) or 1.0
    scale = (WIDTH - LABEL_WIDTH - TEXT_WIDTH) / largest
    return [
        Bar(
            label=row.label,
            text=row.text,
            y=number * ROW_HEIGHT,
            width=round(row.value * scale, 1),
            mark=None if row.mark is None else round(LABEL_WIDTH + row.mark * scale, 1),
            text_x=round(LABEL_WIDTH + max(row.value, row.mark or 0.0) * scale + 7, 1),
            alarm=row.alarm,
        )
        for number, row in enumerate(rows)
    ]


def line(points: Sequence[tuple[float, float, str]], *, x_text: tuple[str, str]) -> Line | None:
    """Lay out a line from zero up; None for fewer than two points.

    :param points: x, y and what the point says.
    :param x_text: what stands under the first and the last point.
    """
    if len(points) < 2:
        return None
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    top = nice_ceiling(max(ys))
    span = max(xs) - min(xs) or 1.0
    places = [
        (
            round(MARGIN + (x - min(xs)) / span * (WIDTH - 2 * MARGIN), 1),
            round(PLOT_HEIGHT * (1 - y / top), 1),
            text,
        )
        for x, y, text in points
    ]
    return Line(
        points=" ".join(f"{x},{y}" for x, y, _ in places),
        dots=tuple(places) if len(places) <= 60 else (),
        x_ticks=(Tick(MARGIN, x_text[0]), Tick(WIDTH - MARGIN, x_text[1])),
        y_ticks=tuple(
            Tick(PLOT_HEIGHT * (1 - share), f"{top * share:,.4g}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)
        ),
    )


def nice_ceiling(value: float) -> float:
    """The next number that an axis may end at: 1, 2, 4 or 8 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 4, 8, 10) if power * step >= value * (1 - 1e-12))
