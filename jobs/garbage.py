"""Responsible for files in an output that nothing refers to: leftovers of killed runs and lost races."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from extract.commits import COMMITS, DATA_NAME, SETTINGS, SOURCES, read_commits
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

    Only files of our own naming are looked at, and only in folders that are none but the output's: where a
    link leads elsewhere, nothing is ours to delete.

    While a run is alive only other runs' staged files are garbage: its data files get their record a
    moment after their name.

    :raises OutputError: when a commit record is damaged, so that nobody knows what it named.
    """
    alive = {run for run in list_runs(root) if is_alive(root, run)}
    named = {(file.kind, file.name) for commit in read_commits(root).values() for file in commit.files}
    paths = [path for path in _iter_staged(root) if path.parent.name not in alive]
    if not alive:
        paths += [path for path in _iter_data(root) if (path.parent.name, path.name) not in named]
        paths += _iter_unfinished(root)
    youngest = time.time() - grace_seconds
    return [
        Garbage(path, state.st_size)
        for path in sorted(paths)
        if (state := _state_of(path)) is not None and state.st_mtime < youngest
    ]


def remove_garbage(root: Path, garbage: list[Garbage]) -> int:
    """Delete files that :func:`find_garbage` found; how many bytes that freed."""
    with writing(root):
        for entry in garbage:
            entry.path.unlink(missing_ok=True)
        for folder in _iter_folders(root / STAGING):
            if not any(folder.iterdir()) and not is_alive(root, folder.name):
                folder.rmdir()
    return sum(entry.n_bytes for entry in garbage)


def _iter_staged(root: Path) -> Iterator[Path]:
    for folder in _iter_folders(root / STAGING):
        yield from folder.iterdir()


def _iter_folders(parent: Path) -> Iterator[Path]:
    """The folders in a folder, links left out."""
    if parent.is_dir() and not parent.is_symlink():
        yield from (path for path in parent.iterdir() if path.is_dir() and not path.is_symlink())


def _iter_data(root: Path) -> Iterator[Path]:
    for folder in _iter_folders(root):
        if folder.name in SCHEMAS:
            yield from (path for path in folder.iterdir() if DATA_NAME.fullmatch(path.name))


def _iter_unfinished(root: Path) -> Iterator[Path]:
    for folder in _iter_folders(root):
        if folder.name in (COMMITS, SOURCES, SETTINGS):
            yield from folder.glob(".*.tmp")


def _state_of(path: Path) -> os.stat_result | None:
    """The state of a plain file; None for anything else, and for what has gone meanwhile."""
    try:
        state = path.lstat()
    except OSError:
        return None
    return state if stat.S_ISREG(state.st_mode) else None
