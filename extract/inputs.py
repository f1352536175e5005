"""Responsible for finding input files: files, folders, glob patterns and URLs to a list of locations."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from extract import reasons
from extract.errors import SourceError, StoreError
from extract.patience import ask
from extract.remote import Location, RemoteFile, refusal_of, remote_file
from extract.urls import is_url, open_filesystem, scheme_of, shown_url

SUFFIXES = (".xml", ".nbib", ".jsonl", ".ndjson", ".parquet")
"""What is taken from a folder, each with ``.gz`` as well. A file named by itself may be called anything."""
SIDECAR = ".md5"
AT_ONCE = 16
"""Requests at once where every file has to be asked for: an HTTP server lists names only."""
_WEB = ("http", "https")


@dataclass(frozen=True)
class Found:
    """What arguments stand for."""

    locations: tuple[Location, ...]
    """Absolute paths and URLs, sorted, each once."""
    refused: tuple[SourceError, ...]
    """What stands behind a URL and cannot be had; nothing else suffers from it."""


def find_inputs(arguments: Sequence[str]) -> list[Location]:
    """Find the input files that the arguments name: absolute paths and URLs, sorted, each once.

    :raises SourceError: for the first argument for which nothing was found, or that cannot be had.
    """
    found = find_all(arguments)
    for error in found.refused:
        raise error
    return list(found.locations)


def find_all(arguments: Sequence[str]) -> Found:
    """Find the input files that the arguments name.

    A folder stands for all files in it and below it whose suffix is one of :data:`SUFFIXES`; names that
    begin with a dot or an underscore are passed over, as are ``.md5`` sidecars everywhere.

    :raises SourceError: ``missing``, naming the argument (of a file system) for which nothing was found.
    """
    found: dict[str, Location] = {}
    refused: list[SourceError] = []
    for argument in arguments:
        if is_url(argument) and scheme_of(argument) != "file":
            remote, errors = _look_behind(argument)
            refused += errors
            found |= {str(file): file for file in remote}
        else:
            found |= {str(path): path for path in _find_paths(argument)}
    return Found(tuple(location for _, location in sorted(found.items())), tuple(refused))


def _find_paths(argument: str) -> list[Path]:
    local = unquote(urlsplit(argument).path) if is_url(argument) else argument
    paths = [Path(os.path.abspath(path)) for path in _iter_matches(local)]
    if not paths:
        raise SourceError(reasons.MISSING, got=f"nothing for {argument!r}", expected=_expected())
    return paths


def _expected() -> str:
    return f"a file, or a folder or pattern with files ({', '.join(SUFFIXES)}, also .gz)"


def _iter_matches(argument: str) -> Iterator[str]:
    if os.path.isdir(argument):
        yield from _iter_folder(argument)
    elif os.path.exists(argument):  # before globbing: a file's own name may hold brackets
        yield argument
    else:
        for match in glob.iglob(argument, recursive=True):
            if os.path.isdir(match):
                yield from _iter_folder(match)
            elif not match.endswith(SIDECAR):
                yield match


def _iter_folder(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if _is_wanted(name):
                yield os.path.join(parent, name)


def _is_wanted(*parts: str) -> bool:
    """Whether a file of a folder is taken, by the names that lead to it from there."""
    hidden = any(part.startswith((".", "_")) for part in parts)
    return not hidden and parts[-1].removesuffix(".gz").endswith(SUFFIXES)


def _look_behind(url: str) -> tuple[list[RemoteFile], list[SourceError]]:
    """The files that a URL stands for, and why others of them cannot be had."""
    try:
        if scheme_of(url) in _WEB:
            pages = _web_pages(url)
            return _ask_each(pages) if pages else ([], [_nothing(url)])
        files = _in_store(url)
    except (StoreError, FileNotFoundError) as error:
        return [], [refusal_of(url, error)]
    if not files:
        return [], [_nothing(url)]
    return files, []


def _nothing(url: str) -> SourceError:
    return SourceError(reasons.MISSING, shown_url(url), "nothing", _expected(), "check the URL")


def _in_store(url: str) -> list[RemoteFile]:
    """Files of an object store, which tells their state when it lists them."""
    filesystem, path = open_filesystem(url)

    def named(infos: Iterable[dict[str, Any]]) -> list[RemoteFile]:
        return [remote_file(filesystem.unstrip_protocol(info["name"]), info) for info in infos]

    def below(folder: str) -> list[RemoteFile]:
        entries: dict[str, dict[str, Any]] = ask(url, lambda: filesystem.find(folder, detail=True))
        start = len(folder.rstrip("/")) + 1
        return named(info for name, info in entries.items() if _is_wanted(*name[start:].split("/")))

    if not glob.has_magic(path):
        info = ask(url, lambda: filesystem.info(path))
        return below(path) if info["type"] == "directory" else named([info])
    matches: dict[str, dict[str, Any]] = ask(url, lambda: filesystem.glob(path, detail=True))
    files = [i for n, i in matches.items() if i["type"] != "directory" and not n.endswith(SIDECAR)]
    folders = [name for name, info in matches.items() if info["type"] == "directory"]
    return named(files) + [file for folder in folders for file in below(folder)]


def _web_pages(url: str) -> list[str]:
    """URLs of the files that a URL over HTTP stands for; servers list folders as pages of links."""
    filesystem, path = open_filesystem(url)
    if "*" in urlsplit(url).path:
        found: list[str] = ask(url, lambda: filesystem.glob(path))
        found = [name for name in found if not name.endswith((SIDECAR, "/"))]
    elif urlsplit(url).path.endswith("/"):
        listed: list[str] = ask(url, lambda: filesystem.find(path))
        found = [name for name in listed if _is_wanted(*name[len(path) :].split("/"))]
    else:
        return [url]
    return sorted(found)


def _ask_each(urls: Sequence[str]) -> tuple[list[RemoteFile], list[SourceError]]:
    with ThreadPoolExecutor(min(AT_ONCE, len(urls))) as pool:
        answers = list(pool.map(_ask_one, urls))
    files = [answer for answer in answers if isinstance(answer, RemoteFile)]
    return files, [answer for answer in answers if isinstance(answer, SourceError)]


def _ask_one(url: str) -> RemoteFile | SourceError:
    try:
        filesystem, path = open_filesystem(url)
        return remote_file(url, ask(url, lambda: filesystem.info(path)))
    except (StoreError, FileNotFoundError) as error:
        return refusal_of(url, error)
