"""Responsible for bars: one number a model, from 0, its text at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

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


@dataclass(frozen=True)
class Panel:
    """One thing that is measured of every model."""

    axis: str
    """What it is, with its unit."""
    bars: Sequence[Bar]
    """From top to bottom."""
    head: str = ""
    """What sets it apart from the other panels."""


def draw_bars(title: str, *panels: Panel, note: str = "") -> Figure:
    """Panels side by side, in the same unit, of the same models in the same order.

    :param note: stands below all of them.
    """
    n_bars = len(panels[0].bars)
    figure = new_figure(0.95 + _ROW * n_bars + 0.2 * bool(note) + 0.2 * (len(panels) > 1))
    drawn = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    texts = [_draw_panel(axes, panel) for axes, panel in zip(drawn, panels, strict=True)]
    drawn[0].set_yticks(range(n_bars), [bar.name for bar in panels[0].bars])
    drawn[0].invert_yaxis()
    put_title(figure, title)
    if note:
        figure.supxlabel(note, fontsize=9)
    renderer = settle(figure)
    # Room at the right for the texts, which do not shrink with the bars.
    width = min(axes.get_window_extent(renderer).width for axes in drawn)
    shares = [(end, (text.get_window_extent(renderer).width + 12) / width) for end, text in chain(*texts)]
    drawn[0].set_xlim(0, max(end / (1 - min(share, 0.8)) for end, share in shares))
    return figure


def _draw_panel(axes: Axes, panel: Panel) -> list[tuple[float, Annotation]]:
    """The texts, and where each begins."""
    texts = []
    for row, bar in enumerate(panel.bars):
        axes.barh(row, bar.value, height=0.62, color=bar.look.colour, zorder=2)
        if bar.inner is not None:
            inner = axes.barh(row, bar.inner, height=0.62, zorder=3, facecolor="none", edgecolor="white")
            inner[0].set(hatch="////", linewidth=0)
        end = bar.value
        if bar.low is not None and bar.high is not None and bar.high > bar.low:
            axes.hlines(row, bar.low, bar.high, color=INK, linewidth=1.3, zorder=4)
            axes.vlines([bar.low, bar.high], row - 0.14, row + 0.14, color=INK, linewidth=1.3, zorder=4)
            end = max(bar.value, bar.high)
        text = axes.annotate(bar.text, (end, row), xytext=(5, 0), textcoords="offset points", va="center")
        texts.append((end, text))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_color(INK)
    axes.xaxis.set_major_locator(MaxNLocator(5, prune="upper"))
    axes.set_xlabel(panel.axis)
    axes.set_title(panel.head, fontsize=9.5, fontweight="normal")
    return texts
