"""Responsible for writing files that survive a crash: created exclusively, synced, published in order.

``fsync`` of a file makes its bytes durable, ``fsync`` of its folder makes its name durable. A record is
published with ``link``, which fails if the name is taken: of racing processes exactly one wins.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from jobs.errors import OutputBroken, OutputUnwritable
from jobs.faults import fault_point

_BROKEN = frozenset((errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG))


@contextmanager
def writing(where: Path) -> Iterator[None]:
    """Turn the system's errors into those of this package.

    :raises OutputBroken: when the disk is full or fails.
    :raises OutputUnwritable: on any other error of the system.
    """
    try:
        yield
    except OSError as exc:
        reason = exc.strerror or str(exc)
        if exc.errno in _BROKEN:
            raise OutputBroken(
                "writing failed",
                str(where),
                reason,
                advice="free or repair the disk, then run again to continue",
            ) from exc
        raise OutputUnwritable(
            "output cannot be written", str(where), reason, advice="choose a folder that can be written to"
        ) from exc


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder unless it is there.

    :raises OutputUnwritable: when it cannot be made, or a link stands in its place.
    """
    with writing(path):
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        if path.is_symlink():
            raise OSError(errno.ELOOP, "a symbolic link stands in place of the folder")


@contextmanager
def create_file(path: Path) -> Iterator[BinaryIO]:
    """A new file to write to; durable, name excepted, once the block is left."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o644), "wb") as stream:
        yield stream
        stream.flush()
        fault_point("write.sync", path.name)
        os.fsync(stream.fileno())


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_new(path: Path, data: bytes, *, point: str = "record", shard: str = "") -> bool:
    """Publish a record under a name that nobody has taken; whether this process was the one to do it.

    The file is complete and durable before it has its name, so no reader ever sees part of it.
    """
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.tmp")
    with writing(path):
        try:
            with create_file(temporary) as stream:
                stream.write(data)
            fault_point(f"{point}.written", shard)
            won = _link(temporary, path)
            fault_point(f"{point}.linked", shard)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    return won


def _link(temporary: Path, path: Path) -> bool:
    try:
        os.link(temporary, path)
    except FileExistsError:
        # Over NFS the reply to a link that succeeded can be lost and the request repeated.
        return temporary.stat().st_nlink == 2
    return True


def put_over(path: Path, data: bytes) -> None:
    """Write a file whole, in place of an older one of that name."""
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}.tmp")
    with writing(path):
        try:
            with create_file(temporary) as stream:
                stream.write(data)
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
