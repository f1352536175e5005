"""Responsible for an output on a file system: rename publishes, a hard link decides who was first."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from extract.commits import COMMITS, DATA_NAME, SETTINGS, SOURCES, DataFile
from extract.table import SCHEMAS
from jobs.durable import create_file, make_folder, put_new, put_over, sync_folder, writing
from jobs.errors import OutputBroken
from jobs.faults import fault_point
from jobs.layout import STAGING, final_path, make_output, run_folder, staging_folder, staging_path
from jobs.leftover import Leftover

_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class LocalStore:
    """A folder; see :class:`jobs.store.Store`."""

    root: Path

    @property
    def grace_seconds(self) -> float:
        return 30.0  # a worker outlives its killed driver by some seconds

    def make(self) -> None:
        make_output(self.root)

    def put_new(self, key: str, data: bytes, *, point: str = "record", shard: str = "") -> bool:
        return put_new(self.root / key, data, point=point, shard=shard)

    def put_over(self, key: str, data: bytes) -> None:
        put_over(self.root / key, data)

    def remove(self, key: str) -> None:
        path = self.root / key
        with writing(self.root):
            path.unlink(missing_ok=True)
            sync_folder(path.parent)

    def begin(self, run_id: str) -> None:
        make_folder(staging_folder(self.root, run_id), 0o700)

    def stage(
        self, run_id: str, kind: str, name: str, write: Callable[[BinaryIO], None], *, shard: str
    ) -> bytes:
        path = staging_path(self.root, run_id, kind, name)
        with writing(path):
            with create_file(path) as stream:
                write(stream)
                fault_point("shard.written", shard)
            return path.read_bytes()

    def publish(self, run_id: str, files: Collection[DataFile], *, shard: str) -> None:
        with writing(self.root):
            for file in files:
                staged = staging_path(self.root, run_id, file.kind, file.name)
                if staged.stat().st_size != file.n_bytes:
                    raise OutputBroken(
                        "staged file changed its size", file.name, advice="run again to continue"
                    )
                staged.rename(final_path(self.root, file.kind, file.name))
                fault_point("commit.renamed", shard)
            for kind in sorted({file.kind for file in files}):
                sync_folder(self.root / kind)
                fault_point("commit.synced", shard)

    def discard(self, files: Iterable[DataFile]) -> None:
        with writing(self.root):
            for file in files:
                final_path(self.root, file.kind, file.name).unlink(missing_ok=True)

    def end(self, run_id: str) -> None:
        shutil.rmtree(staging_folder(self.root, run_id), ignore_errors=True)

    @contextmanager
    def holding(self, run_id: str) -> Iterator[None]:
        """Hold the run's lock; it ends with the process, however that ends."""
        folder = run_folder(self.root, run_id)
        make_folder(folder)
        with writing(folder):
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # whoever asks is_alive() holds it for a moment
            yield
        finally:
            os.close(descriptor)

    def is_alive(self, run_id: str) -> bool:
        try:
            descriptor = os.open(run_folder(self.root, run_id) / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(descriptor)
        return False

    def iter_leftovers(self, alive: Collection[str]) -> Iterator[Leftover]:
        """
        While a run is alive only other runs' staged files may be garbage: its data files get their record a
        moment after their name. Where a link leads elsewhere, nothing is ours to delete.
        """
        paths = [path for path in _iter_staged(self.root) if path.parent.name not in alive]
        if not alive:
            paths += _iter_data(self.root)
            paths += _iter_unfinished(self.root)
        for path in sorted(paths):
            state = _state_of(path)
            if state is not None:
                key = path.relative_to(self.root).as_posix()
                yield Leftover(path, key, state.st_size, state.st_mtime)

    def remove_leftovers(self, leftovers: Iterable[Leftover]) -> None:
        with writing(self.root):
            for leftover in leftovers:
                leftover.path.unlink(missing_ok=True)
            for folder in _iter_folders(self.root / STAGING):
                if not any(folder.iterdir()) and not self.is_alive(folder.name):
                    folder.rmdir()


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
