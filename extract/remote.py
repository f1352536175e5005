"""Responsible for input files behind URLs: what they are called, and what their server says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extract import reasons
from extract.errors import SourceError, StoreError
from extract.urls import name_of_url, shown_url

_MARKS = ("ETag", "etag", "Content-MD5", "Digest", "Last-Modified", "LastModified", "updated", "mtime")
"""What tells one content from another, best first, as the filesystems of fsspec call it."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file behind a URL, as it was when its server was asked."""

    url: str
    """As it is opened: may hold a signature, so it is told only as :func:`str` gives it."""
    n_bytes: int = 0
    """Size; 0 where the server does not say."""
    mark: str = ""
    """Entity tag, else digest or time of change; empty where the server gives none. Another mark is another
    content."""

    def __str__(self) -> str:
        return shown_url(self.url)

    @property
    def name(self) -> str:
        """Such as ``pubmed26n0001.xml.gz``."""
        return name_of_url(self.url)


Location = Path | RemoteFile
"""Where an input file lies."""


def state_of(location: Location) -> tuple[int, str]:
    """Size in bytes, and a mark that changes with the content.

    :raises OSError: when the file cannot be looked at.
    """
    if isinstance(location, RemoteFile):
        return location.n_bytes, location.mark
    state = location.stat()
    return state.st_size, str(state.st_mtime_ns)


def source_name(location: Location) -> str:
    """What rows say they come from: a file's name, or the URL."""
    return str(location) if isinstance(location, RemoteFile) else location.name


def remote_file(url: str, info: Mapping[str, Any]) -> RemoteFile:
    """A file, of what a filesystem of fsspec says of it."""
    found = next((str(info[name]) for name in _MARKS if info.get(name)), "")
    return RemoteFile(url, int(info.get("size") or 0), found.removeprefix("W/").strip('"'))


def refusal_of(url: str, error: StoreError | FileNotFoundError) -> SourceError:
    """Why an input behind a URL is not taken in."""
    if isinstance(error, StoreError):
        got = f"{error.what} ({error.got})" if error.got else error.what
        return SourceError(reasons.UNREADABLE, shown_url(url), got, error.expected, error.advice)
    return SourceError(reasons.MISSING, shown_url(url), "no such file", advice="check the URL")
