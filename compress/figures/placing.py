"""Responsible for where names of points and lines go, so that none covers another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from compress.figures.canvas import FAINT

_DIRECTIONS = ((1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1))
_DISTANCES = (7, 13, 21, 31, 43)
"""Points between a mark and its name."""
_MARK = 5.0
"""Points from the middle of a mark to its edge, a little more."""


@dataclass(frozen=True, slots=True)
class Name:
    """A text that belongs to a place."""

    x: float
    """In data coordinates."""
    y: float
    text: str
    colour: str


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """``places`` moved apart to be ``gap`` from each other at least, in their order, as little as can be.

    They stay between ``low`` and ``high``; where that is too short for all, they go on above.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    groups: list[tuple[list[int], float]] = []
    for index in order:
        members, middle = [index], places[index]
        while groups:
            others, lower = groups[-1]
            if middle - lower >= gap * (len(members) + len(others)) / 2:
                break
            groups.pop()
            n_all = len(members) + len(others)
            middle = (middle * len(members) + lower * len(others)) / n_all
            members = others + members
        groups.append((members, middle))
    moved = [0.0] * len(places)
    for members, middle in groups:
        for rank, index in enumerate(members):
            moved[index] = middle + gap * (rank - (len(members) - 1) / 2)
    for rank, index in enumerate(reversed(order)):
        moved[index] = min(moved[index], high - rank * gap)
    for rank, index in enumerate(order):
        moved[index] = max(moved[index], low + rank * gap)
    return moved


def settle(figure: Figure) -> RendererAgg:
    """Give the figure its final sizes; with the renderer, texts can be measured."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer: RendererAgg = canvas.get_renderer()  # type: ignore[no-untyped-call]
    return renderer


def name_points(axes: Axes, names: Sequence[Name], marks: Sequence[tuple[float, float]]) -> None:
    """Write each name beside its place, where it covers least of ``marks`` and of other names.

    The axes' limits must be final.
    """
    figure = axes.figure
    assert isinstance(figure, Figure)
    renderer = settle(figure)
    scale = figure.dpi / 72
    radius = _MARK * scale
    taken = [_around(tuple(axes.transData.transform(mark)), radius) for mark in marks]
    inside = axes.get_window_extent(renderer)
    for name in names:
        start: tuple[float, float] = tuple(axes.transData.transform((name.x, name.y)))
        text = axes.text(0, 0, name.text, color=name.colour, fontsize=9)
        size = text.get_window_extent(renderer)
        text.remove()
        costs = []
        for distance in _DISTANCES:
            for rank, (right, up) in enumerate(_DIRECTIONS):
                box = _beside(start, (size.width, size.height), (right, up), distance * scale)
                costs.append((_cost(box, taken, inside), distance, rank, box))
        _, distance, _, box = min(costs, key=lambda cost: (cost[0] + cost[1], cost[2]))
        taken.append(box)
        middle = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        axes.annotate(
            name.text,
            (name.x, name.y),
            xytext=((middle[0] - start[0]) / scale, (middle[1] - start[1]) / scale),
            textcoords="offset points",
            ha="center",
            va="center",
            color=name.colour,
            fontsize=9,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            zorder=5,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.6} if distance > 13 else None,
        )


def _around(place: Sequence[float], radius: float) -> Bbox:
    return Bbox.from_bounds(place[0] - radius, place[1] - radius, 2 * radius, 2 * radius)


def _beside(
    start: Sequence[float], size: tuple[float, float], direction: tuple[int, int], distance: float
) -> Bbox:
    """The box of a text that begins ``distance`` away."""
    step = distance / math.hypot(*direction)
    x = start[0] + direction[0] * step + (direction[0] - 1) * size[0] / 2
    y = start[1] + direction[1] * step + (direction[1] - 1) * size[1] / 2
    return Bbox.from_bounds(x, y, *size)


def _cost(box: Bbox, taken: Sequence[Bbox], inside: Bbox) -> float:
    """How bad it is, in points of distance that it would be worth to avoid it."""
    covered = sum(_common(box, other) for other in taken)
    outside = box.width * box.height - _common(box, inside)
    return 10 * (covered + outside) ** 0.5 if covered + outside > 1 else 0.0


def _common(box: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(box, other)
    return 0.0 if both is None else float(both.width * both.height)
