"""Responsible for bars: one number a model, from 0, its text at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from compress.figures.canvas import INK, new_figure, put_title
from compress.figures.looks import Look
from compress.figures.placing import settle

_ROW = 0.34
"""Inches a bar takes."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A model's bar."""

    name: str
    value: float
    text: str
    look: Look
    low: float | None = None
    """Least of several measurements, where there are several."""
    high: float | None = None
    inner: float | None = None
    """A second, smaller number: what it would be in another form."""


def draw_bars(title: str, axis: str, bars: Sequence[Bar]) -> Figure:
    """Bars from top to bottom in the order given.

    :param axis: what is measured, with its unit.
    """
    figure = new_figure(0.95 + _ROW * len(bars))
    axes = figure.add_subplot()
    texts = []
    for row, bar in enumerate(bars):
        axes.barh(row, bar.value, height=0.62, color=bar.look.colour, zorder=2)
        if bar.inner is not None:
            axes.barh(
                row,
                bar.inner,
                height=0.62,
                facecolor="none",
                edgecolor="white",
                hatch="////",
                linewidth=0,
                zorder=3,
            )
        end = bar.value
        if bar.low is not None and bar.high is not None and bar.high > bar.low:
            axes.hlines(row, bar.low, bar.high, color=INK, linewidth=1.3, zorder=4)
            axes.vlines([bar.low, bar.high], row - 0.14, row + 0.14, color=INK, linewidth=1.3, zorder=4)
            end = max(bar.value, bar.high)
        place = (end, row)
        text = axes.annotate(bar.text, place, xytext=(5, 0), textcoords="offset points", va="center")
        texts.append((end, text))
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_color(INK)
    axes.set_xlabel(axis)
    axes.set_xlim(0, 1.2 * max(end for end, _ in texts))
    put_title(figure, title)
    renderer = settle(figure)
    # Room at the right for the texts, which do not shrink with the bars.
    width = axes.get_window_extent(renderer).width
    shares = [(end, (text.get_window_extent(renderer).width + 12) / width) for end, text in texts]
    axes.set_xlim(0, max(end / (1 - share) for end, share in shares))
    return figure
