"""Responsible for the geometry of the comparison's picture: variants between cost and F1. Pure.

Like the report's charts (:mod:`jobs.charts`) it is SVG in the page's own template.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 640.0
HEIGHT = 320.0
LEFT, RIGHT = 58.0, 622.0
TOP, BOTTOM = 14.0, 268.0
_LINE_HEIGHT = 16.0
_PAD = 0.08
_NARROW = 0.8
"""Decades of cost below which the axis has evenly spaced values."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A variant in the picture."""

    x: float
    y: float
    low: float
    """Where the bar of its interval begins, at the bottom."""
    high: float
    text: str
    text_y: float
    on_left: bool
    """Whether its name stands on its left side."""
    front: bool


@dataclass(frozen=True, slots=True)
class Scatter:
    """The whole picture."""

    dots: tuple[Dot, ...]
    front: str
    """The front as SVG points, from the cheapest variant to the best."""
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    x_title: str


def scatter_of(told: Mapping[str, Any]) -> Scatter:
    """Lay out the rows of a comparison that have a cost: cheap on the left, good at the top.

    :param told: what :func:`jobs.verdict.tell` gave.
    """
    rows = [row for row in told["rows"] if row["cost"] is not None]
    x_low, x_high = _padded([math.log10(row["cost"]) for row in rows], least=0.1)
    y_low, y_high = _padded([row[name] for row in rows for name in ("f1_low", "f1_high")], least=0.02)

    def place_x(cost: float) -> float:
        return round(LEFT + (math.log10(cost) - x_low) / (x_high - x_low) * (RIGHT - LEFT), 1)

    def place_y(f1: float) -> float:
        return round(BOTTOM - (f1 - y_low) / (y_high - y_low) * (BOTTOM - TOP), 1)

    dots = [
        Dot(
            x=place_x(row["cost"]),
            y=place_y(row["f1"]),
            low=place_y(row["f1_low"]),
            high=place_y(row["f1_high"]),
            text=row["model"],
            text_y=0.0,
            on_left=place_x(row["cost"]) > (LEFT + RIGHT) / 2,
            front=row["front"],
        )
        for row in rows
    ]
    best_first = sorted((dot for dot in dots if dot.front), key=lambda dot: dot.x)
    return Scatter(
        dots=tuple(_with_texts(dots)),
        front=" ".join(f"{dot.x},{dot.y}" for dot in best_first),
        x_ticks=tuple((place_x(value), f"{value:,.3g}") for value in _log_ticks(x_low, x_high)),
        y_ticks=tuple((place_y(value), f"{value:.3g}") for value in _ticks(y_low, y_high)),
        x_title=str(told["cost_unit"]),
    )


def _with_texts(dots: Sequence[Dot]) -> list[Dot]:
    """The dots with their names beside them, moved down where two would lie on one another."""
    placed: list[Dot] = []
    for dot in sorted(dots, key=lambda dot: dot.y):
        text_y = dot.y - 5
        for other in placed:
            if other.on_left == dot.on_left and abs(other.text_y - text_y) < _LINE_HEIGHT:
                text_y = other.text_y + _LINE_HEIGHT
        placed.append(
            Dot(dot.x, dot.y, dot.low, dot.high, dot.text, round(text_y, 1), dot.on_left, dot.front)
        )
    return placed


def _padded(values: Sequence[float], *, least: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    pad = max((high - low) * _PAD, least)
    return low - pad, high + pad


def _ticks(low: float, high: float) -> list[float]:
    """Some round values between two others."""
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Round values between two logarithms: 1, 2 and 5 times powers of ten, more where these are few."""
    if high - low < _NARROW:
        return _ticks(10.0**low, 10.0**high)
    powers = range(math.floor(low), math.ceil(high) + 1)
    values = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [value for value in values if low <= math.log10(value) <= high]
