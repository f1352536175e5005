"""Responsible for quality over sparsity: one line a method, the median of its seeds, in the band of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from compress.figures.canvas import FAINT, INK, new_figure, put_title
from compress.figures.looks import Look
from compress.figures.placing import settle, spread

CLOSE = 0.06
"""F1 below the dense model that the lower panel shows."""
_LEADER = {
    "arrowstyle": "-",
    "color": FAINT,
    "linewidth": 0.6,
    "relpos": (0, 0.5),
    "shrinkA": 0,
    "shrinkB": 4,
}
_WIDE = 0.15
"""Range of F1 from which a second panel is worth while."""


@dataclass(frozen=True)
class Line:
    """A method's scores over what it removed."""

    name: str
    shares: tuple[float, ...]
    """Removed, 0 to 1, rising."""
    medians: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    look: Look


def draw_sparsity(title: str, dense: float, lines: Sequence[Line], *, quantity: str = "strict F1") -> Figure:
    """All lines, and where they fall far a second panel with what lies near the dense model.

    :param dense: what the dense model scores, the dashed line.
    """
    lowest = min(min(line.lows) for line in lines)
    two = dense - lowest > _WIDE
    figure = new_figure(6.6 if two else 4.4)
    panels = figure.subplots(2 if two else 1, 1, sharex=True, squeeze=False, height_ratios=(3, 2)[: 1 + two])
    for axes in panels[:, 0]:
        _draw_lines(axes, dense, lines)
        axes.set_ylabel(quantity)
    top, bottom = panels[0, 0], panels[-1, 0]
    last = max(line.shares[-1] for line in lines)
    first = min(line.shares[0] for line in lines)
    top.set_xlim(100 * first - 2, 100 * last + 2)
    best = max(dense, *(max(line.highs) for line in lines))
    top.set_ylim(max(-0.02, lowest - 0.03), min(1.02, best + 0.03))
    if two:
        bottom.set_ylim(dense - CLOSE, max(dense, best) + 0.006)
        bottom.set_title(f"the same, from {CLOSE:g} below the dense model", fontsize=9, fontweight="normal")
    bottom.set_xlabel(_axis(lines))
    put_title(figure, title)
    _name_ends(figure, top, dense, lines)
    return figure


def _draw_lines(axes: Axes, dense: float, lines: Sequence[Line]) -> None:
    axes.axhline(dense, color=INK, linestyle=(0, (5, 3)), linewidth=1.2, zorder=2)
    for line in lines:
        shares = [100 * share for share in line.shares]
        look = line.look
        axes.fill_between(shares, line.lows, line.highs, color=look.colour, alpha=0.18, linewidth=0)
        axes.plot(
            shares,
            line.medians,
            color=look.colour,
            linestyle=look.stroke,
            marker=look.marker,
            markersize=5,
            linewidth=1.6,
            zorder=3,
        )


def _axis(lines: Sequence[Line]) -> str:
    kinds = {line.look.stroke == ":" for line in lines}
    if kinds == {True}:
        return "single weights set to 0, % of the encoder's linear weights"
    if kinds == {False}:
        return "removed, % of the encoder's linear multiply-accumulates"
    return "removed, % of the encoder's linear multiply-accumulates; dotted: weights set to 0, %"


def _name_ends(figure: Figure, axes: Axes, dense: float, lines: Sequence[Line]) -> None:
    """Names to the right of the axes, each level with the end of its line as far as there is room."""
    ends = [(line.name, line.medians[-1], 100 * line.shares[-1], line.look.text_colour) for line in lines]
    right = axes.get_xlim()[1]
    ends.append(("dense, fp32", dense, right, INK))
    settle(figure)
    low, high = axes.get_ylim()
    gap = 13 / 72 * (high - low) * figure.dpi / axes.get_window_extent().height
    heights = spread([height for _, height, _, _ in ends], gap, low, high)
    for (name, end, x, colour), height in zip(ends, heights, strict=True):
        axes.annotate(
            name,
            (x, end),
            xytext=(1.03, (height - low) / (high - low)),
            textcoords="axes fraction",
            va="center",
            color=colour,
            fontsize=9,
            annotation_clip=False,
            arrowprops=_LEADER,
        )
