"""Responsible for pictures of what compression did: PNG for pages, SVG for print, the same bytes each time.

Needs the extra packages of ``extraction-runner[figures]``, and no torch.
"""

from compress.figures.comparison import write_comparison_figures
from compress.figures.sweep import write_sweep_figures

__all__ = ["write_comparison_figures", "write_sweep_figures"]
