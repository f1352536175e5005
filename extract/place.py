"""Responsible for where an output lies: a folder of a file system, or a prefix in an object store.

An :class:`ObjectPlace` can do what a :class:`~pathlib.Path` can and what a store does in one step: read an
object whole, list a prefix, tell size and time, delete. It cannot rename, lock, link or append, because no
store can; whoever needs these asks for a :class:`~pathlib.Path`, and the type checker holds him to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from extract.errors import StoreError, StoreRefused
from extract.urls import code_of, is_url, open_filesystem, reaching, scheme_of

Item = TypeVar("Item")
Result = TypeVar("Result")

AT_ONCE = 16
"""Requests to a store at once: one takes tens of milliseconds, nearly all of them waiting."""


@dataclass(frozen=True, slots=True)
class ObjectState:
    """What a store says of an object; named as :class:`os.stat_result` names it."""

    st_size: int
    """Bytes."""
    st_mtime: float
    """When it was written, by the store's clock, in seconds since 1970."""


@dataclass(frozen=True)
class ObjectPlace:
    """An object in a store, or a prefix of objects: ``s3://bucket/prefix``."""

    url: str
    """Without a slash at its end."""
    known: ObjectState | None = field(default=None, compare=False, repr=False)
    """What the listing said that this place came from."""

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> ObjectPlace:
        return ObjectPlace(f"{self.url}/{name}")

    def __lt__(self, other: ObjectPlace) -> bool:
        return self.url < other.url

    def __reduce__(self) -> tuple[Any, ...]:
        return ObjectPlace, (self.url,)  # every process opens the store for itself

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return self.name.rpartition(".")[0] or self.name

    @property
    def parent(self) -> ObjectPlace:
        return ObjectPlace(self.url.rpartition("/")[0])

    def absolute(self) -> ObjectPlace:
        return self

    @cached_property
    def filesystem(self) -> Any:
        """The fsspec filesystem of the store."""
        return open_filesystem(self.url)[0]

    @property
    def key(self) -> str:
        """The place as its filesystem calls it: bucket and key."""
        return str(self.filesystem._strip_protocol(self.url))

    def read_bytes(self) -> bytes:
        """All of an object, in one request.

        :raises FileNotFoundError: when there is no such object.
        """
        try:
            with reaching(self.url):
                # Asked for all, s3fs asks for the size first; asked for all from byte 0 on, it does not.
                return bytes(self.filesystem.cat_file(self.key, start=0))
        except StoreError as error:
            if code_of(error.__cause__ or error) not in ("InvalidRange", "416"):
                raise
            return b""  # it has no first byte

    def stat(self) -> ObjectState:
        """
        :raises FileNotFoundError: when there is no such object.
        """
        if self.known is not None:
            return self.known
        with reaching(self.url):
            state = _state_of(self.filesystem.info(self.key))
        if state is None:
            raise FileNotFoundError(2, "no such object", self.url)
        return state

    def is_file(self) -> bool:
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Whether there is anything under this prefix."""
        return next(self.iterdir(), None) is not None

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def iterdir(self) -> Iterator[ObjectPlace]:
        """What lies directly under this prefix, objects and prefixes; nothing where it is empty."""
        try:
            with reaching(self.url):
                entries = self.filesystem.ls(self.key, detail=True)
        except FileNotFoundError:
            return
        for entry in entries:
            folder, _, name = entry["name"].rstrip("/").rpartition("/")
            if folder == self.key and name:
                yield ObjectPlace(f"{self.url}/{name}", _state_of(entry))

    def glob(self, pattern: str) -> Iterator[ObjectPlace]:
        """What lies directly under this prefix and has such a name."""
        return (place for place in self.iterdir() if fnmatchcase(place.name, pattern))

    def unlink(self, missing_ok: bool = False) -> None:
        try:
            with reaching(self.url):
                self.filesystem.rm_file(self.key)
        except FileNotFoundError:
            if not missing_ok:
                raise


Place = Path | ObjectPlace


def parse_place(place: str | os.PathLike[str] | ObjectPlace) -> Place:
    """The place that a path or URL stands for; a ``file:`` URL stands for its path.

    :raises StoreRefused: when a URL names no bucket.
    """
    if isinstance(place, ObjectPlace):
        return place
    text = os.fspath(place)
    if not is_url(text):
        return Path(place)
    if scheme_of(text) == "file":
        return Path(unquote(urlsplit(text).path))
    rest = text.partition(":")[2].strip("/")
    if not rest:
        raise StoreRefused("URL without a bucket", text, expected=f"{scheme_of(text)}://BUCKET/PREFIX")
    return ObjectPlace(f"{scheme_of(text)}://{rest}")


def spread(root: Place, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The function of every item, in order; many at once where each waits for a store."""
    if isinstance(root, Path):
        return [function(item) for item in items]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(function, items))


def find_sizes(folder: Place, names: Iterable[str]) -> dict[str, int | OSError]:
    """The size of every file named, or why it cannot be told. Of a store, one listing tells all."""
    if isinstance(folder, Path):
        return {name: _size_of(folder / name) for name in names}
    there = {place.name: place.stat().st_size for place in folder.iterdir() if place.known is not None}
    return {name: there.get(name, FileNotFoundError(2, "no such object")) for name in names}


def arrow_filesystem(root: Place) -> Any:
    """The Arrow filesystem that datasets below a place are read through."""
    import pyarrow as pa
    from pyarrow import fs

    if isinstance(root, Path):
        return fs.LocalFileSystem()
    store = f"{scheme_of(root.url)}://"

    class Whole(fs.FSSpecHandler):  # type: ignore[misc]
        """Reads each file whole: one request for about a megabyte, instead of one for every piece of it."""

        def open_input_file(self, path: str) -> Any:
            return pa.BufferReader(ObjectPlace(store + path).read_bytes())

    return fs.PyFileSystem(Whole(root.filesystem))


def arrow_path(place: Place) -> str:
    """A place as :func:`arrow_filesystem` calls it."""
    return str(place.absolute()) if isinstance(place, Path) else place.key


def _size_of(path: Path) -> int | OSError:
    try:
        return path.stat().st_size
    except OSError as exc:
        return exc


def _state_of(entry: dict[str, Any]) -> ObjectState | None:
    """What an entry of a listing says; None for a prefix."""
    if entry.get("type") != "file":
        return None
    # S3 and Google name the time differently, and the latter gives it as text.
    written = next((entry[name] for name in ("LastModified", "mtime", "updated") if entry.get(name)), 0.0)
    if isinstance(written, str):
        written = datetime.fromisoformat(written)
    if isinstance(written, datetime):
        written = written.timestamp()
    return ObjectState(int(entry["size"] or 0), float(written))
