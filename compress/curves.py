"""Responsible for a training's curves as one SVG picture that needs nothing else to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

import pygal
from lxml import etree
from pygal.style import Style

from compress.course import EpochScore

_SVG = "{http://www.w3.org/2000/svg}"


def draw_curves(epochs: Sequence[EpochScore], title: str) -> str:
    """F1, precision and recall on dev by epoch (left axis) and the training loss (right axis)."""
    chart = pygal.Line(
        title=title,
        x_title="epoch",
        width=800,
        height=420,
        js=[],
        legend_at_bottom=True,
        style=Style(background="#ffffff", plot_background="#ffffff", font_family="sans-serif"),
        dots_size=3,
        value_formatter=lambda value: f"{value:.4f}",
    )
    chart.x_labels = [str(epoch.epoch) for epoch in epochs]
    for name in ("f1", "precision", "recall"):
        values = [getattr(epoch.scores, name) for epoch in epochs if epoch.scores is not None]
        if values:
            chart.add(f"dev {name}", values)
    chart.add("training loss", [epoch.loss for epoch in epochs], secondary=True)
    root = etree.fromstring(chart.render(is_unicode=False), etree.XMLParser(remove_comments=True))
    for script in list(root.iter(f"{_SVG}script")):
        parent = script.getparent()
        if parent is not None:
            parent.remove(script)
    # The same numbers give the same picture.
    return etree.tostring(root, encoding="unicode").replace(str(chart.uuid), "curves") + "\n"
