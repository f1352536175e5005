"""Responsible for finding input files: files, folders and glob patterns to a list of paths."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from extract import reasons
from extract.errors import SourceError

SUFFIXES = (".xml", ".nbib", ".jsonl", ".ndjson", ".parquet")
"""What is taken from a folder, each with ``.gz`` as well. A file named by itself may be called anything."""
SIDECAR = ".md5"


def find_inputs(arguments: Sequence[str]) -> list[Path]:
    """Find the input files that the arguments name: absolute paths, sorted, each once.

    A folder stands for all files in it and below it whose suffix is one of :data:`SUFFIXES`; names that
    begin with a dot or an underscore are passed over, as are ``.md5`` sidecars everywhere.

    :raises SourceError: ``missing``, naming the argument for which nothing was found.
    """
    found: set[str] = set()
    for argument in arguments:
        paths = {os.path.abspath(path) for path in _iter_matches(argument)}
        if not paths:
            expected = f"a file, or a folder or pattern with files ({', '.join(SUFFIXES)}, also .gz)"
            raise SourceError(reasons.MISSING, got=f"nothing for {argument!r}", expected=expected)
        found |= paths
    return [Path(path) for path in sorted(found)]


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
            if not name.startswith((".", "_")) and name.removesuffix(".gz").endswith(SUFFIXES):
                yield os.path.join(parent, name)
