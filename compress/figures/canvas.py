"""Responsible for how every figure looks and how it gets to disk: one style, no date, no random ids.

Sizes are for a page as wide as a README's (some 800 pixels): text is then as large as the page's own. Fonts
come with matplotlib and become outlines in SVG, so a figure looks the same wherever it is opened.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from compress.errors import CompressError

WIDTH = 8.0
"""Inches."""
INK = "#222222"
FAINT = "#8a8a8a"

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "savefig.dpi": 200,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "extraction-runner",
    "text.color": INK,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
}
_METADATA: dict[str, dict[str, str | None]] = {
    "png": {"Software": None},
    "svg": {"Creator": None, "Date": None},
}


def new_figure(height: float) -> Figure:
    """An empty figure of the usual width, ``height`` in inches, that makes room for its texts."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def put_title(figure: Figure, title: str) -> None:
    """The figure's own title, at the left edge."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")


def write_figure(draw: Callable[[], Figure], folder: Path, name: str) -> list[Path]:
    """Draw a figure and write it as ``name.png`` and ``name.svg``.

    :raises CompressError: when they cannot be written.
    """
    paths = []
    # Settings of the user's own would change the picture from machine to machine.
    with matplotlib.style.context(["default", _STYLE]):
        figure = draw()
        for kind, metadata in _METADATA.items():
            stream = io.BytesIO()
            figure.savefig(stream, format=kind, metadata=metadata)
            path = folder / f"{name}.{kind}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                path.write_bytes(stream.getvalue())
            except OSError as exc:
                raise CompressError(
                    "cannot write", str(path), exc.strerror or "", "a writable folder", "name another"
                ) from exc
            paths.append(path)
    return paths
