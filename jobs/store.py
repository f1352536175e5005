"""Responsible for the seam between a job and what its output lies on: a file system, or an object store.

Both keep the same promise: a data file counts only once a record names it, and of any number of processes
exactly one creates a record. How they keep it is all that differs, and lies behind these few verbs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from extract.commits import DataFile
from extract.place import Place
from jobs.leftover import Leftover
from jobs.local_store import LocalStore
from jobs.object_store import ObjectStore


class Store(Protocol):
    """What an output lies on. Keys are relative to the output: ``_commits/0123.json``."""

    @property
    def grace_seconds(self) -> float:
        """Younger files are never garbage: somebody may be about to name them."""

    def make(self) -> None:
        """Make an output unless it is there, and see that it can be written.

        :raises OutputUnwritable: when it cannot.
        """

    def put_new(self, key: str, data: bytes, *, point: str = "record", shard: str = "") -> bool:
        """Create a record whole under a name that nobody has taken; whether this process was the one."""

    def put_over(self, key: str, data: bytes) -> None:
        """Write a note whole, in place of an older one."""

    def remove(self, key: str) -> None:
        """Remove a record for good; it may be gone already."""

    def begin(self, run_id: str) -> None:
        """Make room for the files of a run's attempts."""

    def stage(
        self, run_id: str, kind: str, name: str, write: Callable[[BinaryIO], None], *, shard: str
    ) -> bytes:
        """Write a data file of an attempt, which no record names yet; what was read back of it."""

    def publish(self, run_id: str, files: Collection[DataFile], *, shard: str) -> None:
        """Bring an attempt's data files where readers will look for them, and make that last.

        :raises OutputBroken: when one is not as it was staged.
        """

    def discard(self, files: Iterable[DataFile]) -> None:
        """Remove the published files of an attempt that came second."""

    def end(self, run_id: str) -> None:
        """Clear away what attempts of a run left that were not published, as far as that is simple."""

    def holding(self, run_id: str) -> AbstractContextManager[None]:
        """Show that a run goes on, for as long as the block, and not longer than the process."""

    def is_alive(self, run_id: str) -> bool:
        """Whether a run's driver goes on, as far as can be told."""

    def iter_leftovers(self, alive: Collection[str]) -> Iterator[Leftover]:
        """Files of an output's own naming that may be garbage: data files, named by a record or not, and
        what is unfinished. None that a run of those ``alive`` may still need.
        """

    def remove_leftovers(self, leftovers: Iterable[Leftover]) -> None:
        """Delete files that :meth:`iter_leftovers` found."""


def store_of(root: Place) -> Store:
    """What the output at a place lies on."""
    return LocalStore(root) if isinstance(root, Path) else ObjectStore(root)
