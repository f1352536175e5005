"""Responsible for replacing a small file whole: whoever reads it meanwhile finds the old one or the new."""

from __future__ import annotations

import os
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write ``text`` as the file's new content.

    :raises OSError: it cannot be written; the old content is there still.
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
