"""Responsible for the figures of a comparison (``extract models compare --figures``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from compress.figures.bars import Bar, Panel, draw_bars
from compress.figures.canvas import write_figure
from compress.figures.front import Point, draw_front
from compress.figures.layers import Layout, draw_layers
from compress.figures.looks import Look, looks_of_models
from compress.figures.radar import LabelScores, draw_labels

Row = Mapping[str, Any]
Draw = Callable[[], Figure]


def write_comparison_figures(told: Mapping[str, Any], folder: Path | str) -> list[Path]:
    """Write ``labels``, ``layers``, ``size``, ``speed`` and ``pareto``, each as PNG and SVG; their paths.

    ``layers`` is left out where no model has fewer heads or neurons than another.

    :param told: what :func:`jobs.verdict.tell` gave, or ``extract models compare --json`` printed.
    :raises CompressError: when they cannot be written.
    """
    rows = told["rows"]
    looks = looks_of_models([row["model"] for row in rows])
    draws: dict[str, Draw] = {
        "labels": partial(_labels, rows, looks),
        "size": partial(_size, rows, looks),
        "speed": partial(_speed, told, looks),
        "pareto": partial(_pareto, told, looks),
    }
    layouts = [_layout(row) for row in rows]
    if len({(layout.heads, layout.neurons) for layout in layouts}) > 1:
        whole = whole_of(layouts, reference=layouts[_reference(told)])
        draws["layers"] = partial(draw_layers, "What each layer keeps", whole, layouts)
    return [path for name, draw in draws.items() for path in write_figure(draw, Path(folder), name)]


def whole_of(layouts: Sequence[Layout], *, reference: Layout) -> Layout:
    """What shares are of: the reference where it is the largest, else the largest layer of all by place."""
    n_layers = max(len(layout.heads) for layout in layouts)
    heads, neurons = (
        tuple(max(sizes[layer] for sizes in kind if layer < len(sizes)) for layer in range(n_layers))
        for kind in ([layout.heads for layout in layouts], [layout.neurons for layout in layouts])
    )
    whole = (heads, neurons) == (reference.heads, reference.neurons)
    return Layout(reference.name if whole else "the largest", heads, neurons)


def _reference(told: Mapping[str, Any]) -> int:
    names = [row["model"] for row in told["rows"]]
    return names.index(told["reference"])


def _layout(row: Row) -> Layout:
    return Layout(row["model"], tuple(row["heads_per_layer"]), tuple(row["neurons_per_layer"]))


def _labels(rows: Sequence[Row], looks: Sequence[Look]) -> Figure:
    support: dict[str, int] = {}
    for row in rows:
        for label, score in row["per_label"].items():
            support[label] = max(support.get(label, 0), score["support"])
    models = [
        LabelScores(row["model"], {name: score["f1"] for name, score in row["per_label"].items()}, look)
        for row, look in zip(rows, looks, strict=True)
    ]
    return draw_labels("F1 by label", support, models)


def _size(rows: Sequence[Row], looks: Sequence[Look]) -> Figure:
    bars = [
        Bar(row["model"], row["bytes"] / 1e6, f"{row['bytes'] / 1e6:.1f} MB", look)
        for row, look in zip(rows, looks, strict=True)
    ]
    return draw_bars("Size", Panel("files on disk, MB", bars))


def _speed(told: Mapping[str, Any], looks: Sequence[Look]) -> Figure:
    """All sentences in one call; and in batches, where they were timed too."""
    rows = told["rows"]
    together = []
    for row, look in zip(rows, looks, strict=True):
        paces = [told["sentences"] / seconds for seconds in row["seconds"]]
        together.append(_pace(row["model"], row, look, min(paces), max(paces)))
    panels = [Panel("sentences/s", together, "all in one call")]
    for order, head in (
        ("natural", "batches of 16, order of file"),
        ("by_length", "batches of 16, by length"),
    ):
        if all("batches_of_16" in row for row in rows):
            paired = zip(rows, looks, strict=True)
            bars = [_pace(row["model"], row["batches_of_16"][order], look) for row, look in paired]
            panels.append(Panel("sentences/s", bars, head))
    note = f"one thread, medians of {told['repeats']} rounds; in brackets: times {told['reference']}"
    return draw_bars("Speed", *panels, note=note)


def _pace(name: str, paces: Row, look: Look, low: float | None = None, high: float | None = None) -> Bar:
    text = f"{paces['sentences_per_second']:,.0f} ({paces['speedup_vs_dense']:.1f}x)"
    return Bar(name, paces["sentences_per_second"], text, look, low, high)


def _pareto(told: Mapping[str, Any], looks: Sequence[Look]) -> Figure:
    points = [
        Point(
            row["model"],
            row["cost"],
            row["f1"],
            row["f1_low"],
            row["f1_high"],
            look,
            row["front"],
            hollow=not row["front"],
        )
        for row, look in zip(told["rows"], looks, strict=True)
        if row["cost"] is not None
    ]
    note = "bars: 95 % interval of F1; hollow: another one is both better and cheaper"
    return draw_front("F1 against cost", told["cost_unit"], points, note=note)
