"""Responsible for copies of remote input files, one for all processes of a host, bounded in size.

::

    FOLDER/                 this user's alone, mode 0700
        KEY/                of the URL and of what its server says of the content
            NAME            the file, under its own name
            NAME.md5        its sidecar, if there is one
            .sha256         of the file, written last: an entry without it is not complete
        KEY.lock            held shared while the copy is read, exclusively while it is made or deleted

A file is read several times (digest, structure, and each of its slices from the beginning, for gzip cannot
be entered in the middle), so it is fetched once rather than streamed each time. Locks end with their
process, so nothing needs to be put right after a kill. All of it may be deleted while no worker runs.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from extract import reasons
from extract.errors import SourceError, StoreError, StoreRefused
from extract.inputs import SIDECAR
from extract.patience import ask
from extract.private import require_private
from extract.remote import Location, RemoteFile, refusal_of
from extract.urls import open_filesystem, shown_url

CACHE_BYTES = 4 << 30
"""What the copies of a host may take together. The largest file of MEDLINE has 0.1 GB."""
_DIGEST = ".sha256"
_NAME_LENGTH = 120
_DISK_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS))
_UNUSUAL = re.compile(r"[^A-Za-z0-9._-]")


def input_cache() -> Path:
    """Where this user's processes on this host keep copies of remote inputs."""
    return Path(tempfile.gettempdir()) / f"extract-inputs-{os.getuid()}"


@contextmanager
def at_hand(location: Location, *, sha256: str = "", folder: Path | None = None) -> Iterator[Path]:
    """The file as a path of this host while the block runs; one behind a URL is fetched unless it is there.

    What is raised within the block about the copy is raised about the URL.

    :param sha256: what the content must be; empty where that is not known yet. Then a sidecar comes with it.
    :raises SourceError: ``missing``, ``unreadable``, or ``record_count`` where the content is another.
    """
    if isinstance(location, Path):
        yield location
        return
    entry = (folder or input_cache()) / _key_of(location)
    path = entry / _local_name(location)
    with _held(entry, location, sha256):
        try:
            yield path
        except SourceError as error:
            (entry / _DIGEST).unlink(missing_ok=True)  # next time it is fetched anew: it may be mended there
            where = error.where.replace(str(path), str(location))
            raise SourceError(error.what, where, error.got, error.expected, error.advice) from None


@contextmanager
def _held(entry: Path, file: RemoteFile, sha256: str) -> Iterator[None]:
    """An entry that nobody deletes while the block runs, made if it is not there."""
    try:
        require_private(entry.parent)
        lock = os.open(entry.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _no_room(file, exc) from exc
    try:
        wanted = sha256
        fcntl.flock(lock, fcntl.LOCK_SH)
        while not _is_there(entry, file, wanted):
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _is_there(entry, file, wanted):
                wanted = _fetch(entry, file, sha256)
            # To ask for less is not one step: somebody may delete the entry on the way, so look again.
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


def _is_there(entry: Path, file: RemoteFile, sha256: str) -> bool:
    """Whether the entry is complete and is what is wanted; what a server has not marked is asked for anew."""
    try:
        there = (entry / _DIGEST).read_text("ascii")
        os.utime(entry)
    except OSError:
        return False
    return there == sha256 if sha256 else bool(file.mark)


def _fetch(entry: Path, file: RemoteFile, sha256: str) -> str:
    """Make the entry, with its lock held; the SHA-256 of the file.

    :raises SourceError: when the file cannot be had, or is not what is wanted.
    """
    path = entry / _local_name(file)
    shutil.rmtree(entry, ignore_errors=True)
    try:
        _make_room(entry.parent, file.n_bytes)
        entry.mkdir(mode=0o700)
        _download(file, path)
        if not sha256:
            _download_sidecar(file, path)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if sha256 and digest != sha256:
            raise SourceError(
                reasons.RECORD_COUNT, str(file), "a file changed since it was checked", advice="run again"
            )
        (entry / _DIGEST).write_text(digest, "ascii")
    except (StoreError, FileNotFoundError) as exc:
        raise refusal_of(file.url, exc) from exc
    except OSError as exc:
        raise _no_room(file, exc) from exc
    return digest


def _download(file: RemoteFile, path: Path) -> None:
    """Fetch a file whole, from the beginning at every try."""
    filesystem, remote = open_filesystem(file.url)

    def once() -> None:
        try:
            filesystem.get_file(remote, str(path))
        except OSError as exc:
            if exc.errno in _DISK_FULL:
                raise _no_room(file, exc) from exc
            raise
        n_bytes = path.stat().st_size
        if file.n_bytes and n_bytes != file.n_bytes:
            raise StoreError(
                "the download is not whole",
                str(file),
                f"{n_bytes} bytes",
                f"{file.n_bytes} bytes",
                "run the same command again; if it stays so, the file is damaged or changes where it lies",
            )

    ask(file.url, once)


def _download_sidecar(file: RemoteFile, path: Path) -> None:
    """Fetch ``NAME.md5``. Most have none, and some stores answer "forbidden" for what is not there."""
    if file.url != shown_url(file.url) or "?" in file.url:
        return  # a signature is for one file
    filesystem, remote = open_filesystem(file.url + SIDECAR)
    sidecar = path.with_name(path.name + SIDECAR)
    try:
        ask(file.url + SIDECAR, lambda: filesystem.get_file(remote, str(sidecar)))
    except (FileNotFoundError, StoreError) as exc:
        sidecar.unlink(missing_ok=True)
        if isinstance(exc, StoreError) and not isinstance(exc, StoreRefused):
            raise


def _make_room(folder: Path, n_bytes: int) -> None:
    """Delete the copies used longest ago, and by nobody now, until so many bytes more fit in."""
    entries = sorted((path for path in folder.iterdir() if path.is_dir()), key=_used)
    left = sum(map(_size_of, entries)) + n_bytes - CACHE_BYTES
    for entry in entries:
        if left <= 0:
            return
        size = _size_of(entry)
        left -= size if _delete(entry) else 0


def _delete(entry: Path) -> bool:
    """Delete an entry unless a process reads or makes it."""
    lock = os.open(entry.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(entry, ignore_errors=True)
        return True
    finally:
        os.close(lock)


def _used(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:  # another process deleted it
        return 0.0


def _size_of(entry: Path) -> int:
    try:
        return sum(path.stat().st_size for path in entry.iterdir())
    except FileNotFoundError:
        return 0


def _key_of(file: RemoteFile) -> str:
    text = f"{file}\n{file.n_bytes}\n{file.mark}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _local_name(file: RemoteFile) -> str:
    """The file's own name: its beginning tells the number, its end the format. It leads nowhere else."""
    name = _UNUSUAL.sub("_", file.name)[:_NAME_LENGTH].lstrip(".")
    return name or "_"


def _no_room(file: RemoteFile, error: OSError) -> SourceError:
    return SourceError(
        reasons.UNREADABLE,
        str(file),
        f"no copy of it can be made in {input_cache()}: {error.strerror or error}",
        advice="free that disk, or set TMPDIR to a folder on another, also for the workers",
    )
