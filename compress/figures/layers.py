"""Responsible for where models were made smaller: a heat map of what each layer keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from compress.figures.canvas import new_figure, put_title

_COLOURS = "YlGnBu"
"""Evenly darker from end to end, for every kind of colour vision and in grey (ColorBrewer)."""
_ROOMY = 14
"""Layers up to which a count of four digits has room in its cell."""


@dataclass(frozen=True)
class Layout:
    """What a model keeps."""

    name: str
    heads: tuple[int, ...]
    """Attention heads of each layer, bottom first."""
    neurons: tuple[int, ...]


def draw_layers(title: str, whole: Layout, layouts: Sequence[Layout]) -> Figure:
    """A row a model, a column a layer; the colour is the share kept, the number what is kept.

    Models of equal layouts share a row; those that keep everything are left out.

    :param whole: what shares are of.
    """
    layouts = _differing(whole, layouts)
    figure = new_figure(1.75 + 0.76 * len(layouts))
    panels = figure.subplots(2, 1, sharex=True)
    image: Any = None
    for axes, kind, sizes, rows in (
        (panels[0], "attention heads", whole.heads, [layout.heads for layout in layouts]),
        (panels[1], "feed-forward neurons", whole.neurons, [layout.neurons for layout in layouts]),
    ):
        image = _draw_panel(axes, sizes, rows)
        of = f"{_range(sizes)} a layer in {whole.name}"
        axes.set_title(f"{kind} kept, of {of}", fontsize=9.5, fontweight="normal")
        axes.set_yticks(range(len(layouts)), [layout.name for layout in layouts])
    panels[1].set_xlabel("layer, 1 next to the embeddings")
    bar = figure.colorbar(image, ax=panels, fraction=0.03, pad=0.015, aspect=30, ticks=[0, 25, 50, 75, 100])
    bar.set_label("kept, %")
    bar.outline.set_visible(False)
    put_title(figure, title)
    return figure


def _differing(whole: Layout, layouts: Sequence[Layout]) -> list[Layout]:
    names: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
    for layout in layouts:
        names.setdefault((layout.heads, layout.neurons), []).append(layout.name)
    names.pop((whole.heads, whole.neurons), None)
    return [Layout("\n".join(found), *sizes) for sizes, found in names.items()]


def _draw_panel(axes: Axes, sizes: tuple[int, ...], rows: Sequence[tuple[int, ...]]) -> Any:
    n_layers = len(sizes)
    shares: npt.NDArray[np.float64] = np.full((len(rows), n_layers), np.nan)
    for number, row in enumerate(rows):
        for layer, count in enumerate(row):
            shares[number, layer] = 100 * count / max(1, sizes[layer])
    axes.set_facecolor("#f0f0f0")
    image = axes.imshow(shares, cmap=_COLOURS, vmin=0, vmax=100, aspect="auto")
    for number, row in enumerate(rows):
        for layer in range(n_layers):
            gone = layer >= len(row)
            text = "–" if gone else str(row[layer])
            if not gone and n_layers > _ROOMY and len(text) > 2:
                text = f"{shares[number, layer]:.0f}%"
            dark = not gone and shares[number, layer] > 55
            axes.text(
                layer,
                number,
                text,
                ha="center",
                va="center",
                fontsize=8.5 if n_layers <= _ROOMY else 6.5,
                color="white" if dark else "black",
            )
    axes.set_xticks(range(n_layers), [str(layer + 1) for layer in range(n_layers)])
    axes.set_xticks([edge - 0.5 for edge in range(1, n_layers)], minor=True)
    axes.set_yticks([edge - 0.5 for edge in range(1, len(rows))], minor=True)
    axes.grid(visible=False)
    axes.grid(visible=True, which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image


def _range(sizes: tuple[int, ...]) -> str:
    low, high = min(sizes), max(sizes)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
