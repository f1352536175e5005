"""Responsible for files in an output that nothing refers to: leftovers of killed runs and lost races."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from extract.commits import COMMITS, SETTINGS, SOURCES, read_commits
from extract.table import SCHEMAS
from jobs.durable import writing
from jobs.layout import STAGING
from jobs.runs import is_alive, list_runs

GRACE_SECONDS = 30.0
"""Younger files are left alone: a worker outlives its killed driver by some seconds."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """A file that nothing refers to."""

    path: Path
    n_bytes: int


def find_garbage(root: Path, *, grace_seconds: float = GRACE_SECONDS) -> list[Garbage]:
    """Files that no commit names and no living run can still need.

    While a run is alive only other runs' staged files are garbage: its data files get their record a
    moment after their name.

    :raises OutputError: when a commit record is damaged, so that nobody knows what it named.
    """
    alive = {run for run in list_runs(root) if is_alive(root, run)}
    named = {(file.kind, file.name) for commit in read_commits(root).values() for file in commit.files}
    paths = [path for path in _iter_staged(root) if path.parent.name not in alive]
    if not alive:
        paths += [path for path in _iter_data(root) if (path.parent.name, path.name) not in named]
        paths += [path for name in (COMMITS, SOURCES, SETTINGS) for path in (root / name).glob(".*.tmp")]
    youngest = time.time() - grace_seconds
    states = [(path, path.stat()) for path in sorted(paths)]
    return [Garbage(path, state.st_size) for path, state in states if state.st_mtime < youngest]


def remove_garbage(root: Path, garbage: list[Garbage]) -> int:
    """Delete files that :func:`find_garbage` found; how many bytes that freed."""
    with writing(root):
        for entry in garbage:
            entry.path.unlink(missing_ok=True)
        for folder in (root / STAGING).glob("*/"):
            if not any(folder.iterdir()) and not is_alive(root, folder.name):
                folder.rmdir()
    return sum(entry.n_bytes for entry in garbage)


def _iter_staged(root: Path) -> Iterator[Path]:
    for folder in (root / STAGING).glob("*/"):
        yield from (path for path in folder.iterdir() if path.is_file())


def _iter_data(root: Path) -> Iterator[Path]:
    for kind in SCHEMAS:
        yield from (root / kind).glob("*.parquet")
