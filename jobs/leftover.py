"""Responsible for what a file is called that may be garbage."""

from __future__ import annotations

from dataclasses import dataclass

from extract.place import Place


@dataclass(frozen=True, slots=True)
class Leftover:
    """A file in an output that may be garbage."""

    path: Place
    key: str
    """Relative to the output."""
    n_bytes: int
    modified: float
    """Seconds since 1970, by the clock of what it lies on."""
