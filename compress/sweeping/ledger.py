"""Responsible for a sweep's folder: rows are added one by one and survive whatever ends the sweep.

``sweep.json`` says what the rows have in common, ``results.jsonl`` holds them. A folder of another sweep is
refused, and so is one that another process is writing to.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from compress.errors import CompressError
from compress.files import replace_text
from compress.sweeping.results import RESULTS, SweepRow, read_results

ABOUT = "sweep.json"


class Ledger:
    """The rows so far, and the file that new ones go to. Made by :func:`open_ledger`."""

    def __init__(self, stream: BinaryIO, rows: list[SweepRow]) -> None:
        self._stream = stream
        self.rows = rows

    def add(self, row: SweepRow) -> None:
        """Write a row, and return when it is on the disk."""
        line = json.dumps(row.to_dict(), ensure_ascii=False, allow_nan=False)
        try:
            self._stream.write(line.encode("utf-8", "surrogatepass") + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as exc:
            raise CompressError("cannot write", self._stream.name, str(exc)) from exc
        self.rows.append(row)


@contextmanager
def open_ledger(target: Path, identity: Mapping[str, Any], about: Mapping[str, Any]) -> Iterator[Ledger]:
    """The ledger of the sweep in ``target``, made if need be; ``about`` is for people and for figures.

    :raises CompressError: the folder holds something else, a sweep of other settings, or cannot be written.
    """
    _check_folder(target)
    with ExitStack() as stack:
        try:
            target.mkdir(parents=True, exist_ok=True)
            stream = stack.enter_context((target / RESULTS).open("a+b"))
            _lock(stream, target)
            _check_identity(target, identity, about)
            _drop_torn_line(stream)
        except OSError as exc:
            raise CompressError(
                "cannot write", str(target), str(exc), "a writable folder", "name another"
            ) from exc
        yield Ledger(stream, read_results(target))


def _check_folder(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise CompressError("the target is no folder", str(target), "a file", advice="name a new folder")
    if target.is_dir() and any(target.iterdir()) and not (target / RESULTS).is_file():
        raise CompressError(
            "the target holds something else", str(target), "no sweep", advice="name a new folder"
        )


def _lock(stream: BinaryIO, target: Path) -> None:
    """Held until the file is closed, however this process ends."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        raise CompressError("another sweep is writing here", str(target), advice="wait for it") from exc


def _check_identity(target: Path, identity: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    path = target / ABOUT
    if not path.exists():
        text = json.dumps({**about, "identity": dict(identity)}, indent=1, ensure_ascii=False)
        replace_text(path, text + "\n")
        return
    try:
        found = json.loads(path.read_text("utf-8"))["identity"]
        differing = sorted(name for name in {*found, *identity} if found.get(name) != identity.get(name))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise CompressError("no sweep can be read", str(path), f"{type(exc).__name__}: {exc}") from exc
    if differing:
        raise CompressError(
            "holds a sweep of other settings or data",
            str(target),
            f"different: {', '.join(differing)}",
            advice="name a new folder, or repeat the first command",
        )


def _drop_torn_line(stream: BinaryIO) -> None:
    """What was being written when an earlier sweep ended."""
    stream.seek(0)
    content = stream.read()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        stream.truncate(whole)
