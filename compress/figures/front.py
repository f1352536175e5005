"""Responsible for quality against cost: every model a point, the Pareto front a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from compress.figures.canvas import FAINT, new_figure, put_title
from compress.figures.looks import Look
from compress.figures.placing import Name, name_points


@dataclass(frozen=True, slots=True)
class Point:
    """A model between cost and F1."""

    name: str
    """Empty where it is not to be named."""
    cost: float
    """Above 0; less is better."""
    f1: float
    low: float
    """Where the bar of its F1 begins; ``f1`` itself where there is none."""
    high: float
    look: Look
    front: bool
    hollow: bool = False
    group: str = ""
    """What the legend calls points that look like this; empty: no legend."""


def draw_front(title: str, cost: str, points: Sequence[Point], *, note: str) -> Figure:
    """Points on a logarithmic cost axis, cheap on the left and good at the top.

    :param cost: what the cost is, with its unit; ``note``: what bars and marks mean.
    """
    figure = new_figure(4.6)
    axes = figure.add_subplot()
    on_front = sorted((point for point in points if point.front), key=lambda point: point.cost)
    axes.plot(
        [point.cost for point in on_front],
        [point.f1 for point in on_front],
        color=FAINT,
        linewidth=1.2,
        zorder=1,
    )
    groups: set[str] = set()
    for point in points:
        look = point.look
        if point.high > point.low:
            axes.vlines(point.cost, point.low, point.high, color=look.colour, linewidth=1.1, alpha=0.55)
        axes.plot(
            point.cost,
            point.f1,
            marker=look.marker,
            markersize=7 if point.front or not point.group else 5,
            color=look.colour,
            markerfacecolor="white" if point.hollow else look.colour,
            linestyle="none",
            zorder=3,
            label=point.group if point.group and point.group not in groups else None,
        )
        groups.add(point.group)
    axes.set_xscale("log")
    axes.set_xlabel(cost)
    axes.set_ylabel("strict F1")
    axes.set_title(note, fontsize=9, fontweight="normal")
    _limit(axes, points)
    put_title(figure, title)
    if groups - {""}:
        figure.legend(loc="outside right center", fontsize=8.5)
    names = [Name(point.cost, point.f1, point.name, point.look.text_colour) for point in points if point.name]
    name_points(axes, names, [(point.cost, point.f1) for point in points])
    return figure


def _limit(axes: Axes, points: Sequence[Point]) -> None:
    """Final limits with room for names, and round numbers as ticks: powers of ten alone would be too few."""
    costs = [point.cost for point in points]
    wide = max(costs) / min(costs)
    pad = max(1.12, wide**0.12)
    low, high = min(costs) / pad, max(costs) * pad
    axes.set_xlim(low, high)
    steps = (1, 2, 5) if high / low > 6 else (1, 1.5, 2, 3, 4, 5, 6, 8)
    ticks = [step * 10.0**power for power in range(-9, 10) for step in steps]
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    bottom, top = min(point.low for point in points), max(point.high for point in points)
    room = max(0.01, 0.08 * (top - bottom))
    axes.set_ylim(max(-0.02, bottom - room), min(1.02, top + room))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
