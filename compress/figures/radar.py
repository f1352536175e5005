"""Responsible for F1 by label: a radar of several models, or rows of dots where there are few labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from compress.figures.canvas import INK, new_figure, put_title
from compress.figures.looks import Look

MOST_LABELS = 30
"""The most frequent ones are shown; more would not be told apart."""
_FEW = 3
"""Labels below which a radar has no area."""


@dataclass(frozen=True)
class LabelScores:
    """One model's scores."""

    name: str
    f1: Mapping[str, float]
    """By label, 0 to 1; a label that is left out was never found."""
    look: Look


def draw_labels(title: str, support: Mapping[str, int], models: Sequence[LabelScores]) -> Figure:
    """F1 of every label that is annotated, the most frequent first.

    :param support: annotated entities of each label.
    """
    frequent = sorted((label for label in support if support[label]), key=lambda label: -support[label])
    labels = frequent[:MOST_LABELS]
    if len(frequent) > len(labels):
        title = f"{title} (the {len(labels)} most frequent of {len(frequent)} labels)"
    texts = [f"{label} ({support[label]:,})" for label in labels]
    values = [[model.f1.get(label, 0.0) for label in labels] for model in models]
    draw = _draw_dots if len(labels) < _FEW else _draw_radar
    figure = draw(texts, values, models)
    put_title(figure, title)
    return figure


def _draw_radar(
    texts: Sequence[str], values: Sequence[Sequence[float]], models: Sequence[LabelScores]
) -> Figure:
    figure = new_figure(6.9)
    axes = figure.add_subplot(projection="polar")
    assert isinstance(axes, PolarAxes)
    axes.set_theta_zero_location("N")
    axes.set_theta_direction(-1)
    angles = [2 * math.pi * index / len(texts) for index in range(len(texts))]
    lowest = _floor(min(min(row) for row in values))
    for model, row in zip(models, values, strict=True):
        look = model.look
        axes.plot(
            [*angles, angles[0]],
            [*row, row[0]],
            color=look.colour,
            linestyle=look.stroke,
            linewidth=1.5,
            marker=look.marker,
            markersize=4,
            label=model.name,
            clip_on=False,
            zorder=3,
        )
    axes.set_ylim(lowest, 1.0)
    ticks = [lowest + (1 - lowest) * step / 4 for step in range(5)]
    axes.set_yticks(ticks, [f"{tick:.2g}" for tick in ticks], fontsize=8)
    axes.set_rlabel_position(180 / len(texts))
    axes.set_xticks(angles, [""] * len(angles))
    axes.spines["polar"].set_color("#bbbbbb")
    reach = 1.0 + 0.035 * (1 - lowest)
    for angle, text in zip(angles, texts, strict=True):
        side, height = math.sin(angle), math.cos(angle)
        axes.text(
            angle,
            reach,
            text,
            ha="center" if abs(side) < 0.05 else "left" if side > 0 else "right",
            va="center" if abs(height) < 0.6 else "bottom" if height > 0 else "top",
            fontsize=8.5,
            color=INK,
        )
    figure.legend(
        loc="outside lower center",
        ncols=min(4, len(models)),
        title=f"strict F1, {lowest:g} in the middle to 1 at the rim; in brackets: annotated entities",
        title_fontsize=9,
    )
    return figure


def _draw_dots(
    texts: Sequence[str], values: Sequence[Sequence[float]], models: Sequence[LabelScores]
) -> Figure:
    n_rows = len(texts) * len(models)
    figure = new_figure(1.0 + 0.3 * n_rows + 0.2 * len(texts))
    axes = figure.add_subplot()
    ticks, names = [], []
    for number, text in enumerate(texts):
        for rank, model in enumerate(models):
            row = number * (len(models) + 1) + rank
            value = values[rank][number]
            axes.plot(value, row, marker=model.look.marker, color=model.look.colour, markersize=7)
            axes.annotate(
                f"{value:.3f}", (value, row), xytext=(8, 0), textcoords="offset points", va="center"
            )
            ticks.append(row)
            names.append(f"{text}  {model.name}")
    axes.set_yticks(ticks, names)
    axes.invert_yaxis()
    lowest = min(min(row) for row in values)
    axes.set_xlim(max(0.0, lowest - 0.05), min(1.0, max(max(row) for row in values) + 0.05))
    axes.set_xlabel("strict F1; in brackets: annotated entities")
    return figure


def _floor(least: float) -> float:
    """Where the middle of the radar lies: at a fifth below all scores."""
    return max(0.0, math.floor((least - 0.02) * 5) / 5)
