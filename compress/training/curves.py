"""Responsible for a training's curves as one SVG picture that needs nothing else to be looked at."""

from __future__ import annotations

from collections.abc import Sequence

import pygal
from lxml import etree
from pygal.style import Style

from compress.adaptation.pretrain import Check
from compress.training.course import EpochScore

_SVG = "{http://www.w3.org/2000/svg}"


def draw_curves(epochs: Sequence[EpochScore], title: str) -> str:
    """F1, precision and recall on dev by epoch (left axis) and the training loss (right axis)."""
    chart = _line_chart(title, "epoch")
    chart.x_labels = [str(epoch.epoch) for epoch in epochs]
    for name in ("f1", "precision", "recall"):
        values = [getattr(epoch.scores, name) for epoch in epochs if epoch.scores is not None]
        if values:
            chart.add(f"dev {name}", values)
    chart.add("training loss", [epoch.loss for epoch in epochs], secondary=True)
    return _render(chart)


def draw_losses(checks: Sequence[Check], title: str) -> str:
    """Loss of training and of held-out text (left axis) and the shares guessed (right axis), by tokens."""
    chart = _line_chart(title, "tokens trained on")
    chart.x_labels = [f"{check.tokens:,}" for check in checks]
    chart.x_label_rotation = 30
    chart.add("training loss", [check.loss for check in checks])
    chart.add("held-out loss", [check.held_out_loss for check in checks])
    chart.add("guessed", [check.accuracy for check in checks], secondary=True)
    chart.add("numbers guessed", [check.number_accuracy for check in checks], secondary=True)
    return _render(chart)


def _line_chart(title: str, x_title: str) -> pygal.Line:
    return pygal.Line(
        title=title,
        x_title=x_title,
        width=800,
        height=420,
        js=[],
        legend_at_bottom=True,
        style=Style(background="#ffffff", plot_background="#ffffff", font_family="sans-serif"),
        dots_size=3,
        value_formatter=lambda value: f"{value:.4f}",
    )


def _render(chart: pygal.Line) -> str:
    root = etree.fromstring(chart.render(is_unicode=False), etree.XMLParser(remove_comments=True))
    for script in list(root.iter(f"{_SVG}script")):
        parent = script.getparent()
        if parent is not None:
            parent.remove(script)
    # The same numbers give the same picture.
    return etree.tostring(root, encoding="unicode").replace(str(chart.uuid), "curves") + "\n"
