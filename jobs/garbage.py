"""Responsible for files in an output that nothing refers to: leftovers of killed runs and lost races."""

from __future__ import annotations

import time

from extract.commits import read_commits
from extract.place import Place
from jobs.leftover import Leftover
from jobs.runs import is_alive, list_runs
from jobs.store import store_of


def find_garbage(root: Place, *, grace_seconds: float | None = None) -> list[Leftover]:
    """Files that no commit names and no living run can still need.

    Only files of our own naming are looked at, and only in folders that are none but the output's.

    :param grace_seconds: younger files are left alone; None for what the output's store needs.
    :raises OutputError: when a commit record is damaged, so that nobody knows what it named.
    """
    store = store_of(root)
    alive = {run for run in list_runs(root) if is_alive(root, run)}
    leftovers = list(store.iter_leftovers(alive))  # first: what was committed before is named
    named = {f"{file.kind}/{file.name}" for commit in read_commits(root).values() for file in commit.files}
    youngest = time.time() - (store.grace_seconds if grace_seconds is None else grace_seconds)
    return [entry for entry in leftovers if entry.key not in named and entry.modified < youngest]


def remove_garbage(root: Place, garbage: list[Leftover]) -> int:
    """Delete files that :func:`find_garbage` found; how many bytes that freed."""
    store_of(root).remove_leftovers(garbage)
    return sum(entry.n_bytes for entry in garbage)
