"""Responsible for the fault points: named places where a test can make the product fail.

They do nothing unless the environment says ``EXTRACT_TESTING=1``; this is the one place in the library
that reads the environment. ``EXTRACT_FAULT`` then holds ``point:shard:n:action``, several joined by ``;``:

- ``point``: name of a fault point, or the part of it before a dot (``commit`` stands for every ``commit.*``);
- ``shard``: first characters of a shard id, or ``*``;
- ``n``: which matching passage triggers it, counted from 1 in each process, or ``*`` for every one;
- ``action``: ``kill``, ``raise``, ``enospc``, ``eio``, ``hang``, ``slow`` or ``hog`` (eats memory).

With ``EXTRACT_FAULT_ONCE`` naming a folder, each fault happens once over all processes that share it, and
leaves there a file that holds the id of its process.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

_PASSED: Counter[str] = Counter()


@dataclass(frozen=True, slots=True)
class _Fault:
    point: str
    shard: str
    passage: int
    """0 for every one."""
    action: str

    def matches(self, point: str, shard: str) -> bool:
        named = self.point in (point, point.partition(".")[0])
        return named and (self.shard == "*" or shard.startswith(self.shard))


def fault_point(point: str, shard: str = "") -> None:
    """A place where a test can make things fail; costs a dictionary lookup otherwise."""
    if os.environ.get("EXTRACT_TESTING") != "1":
        return
    for spec in filter(None, os.environ.get("EXTRACT_FAULT", "").split(";")):
        name, shard_prefix, passage, action = spec.split(":")
        fault = _Fault(name, shard_prefix, 0 if passage == "*" else int(passage), action)
        if not fault.matches(point, shard):
            continue
        _PASSED[spec] += 1
        if fault.passage in (0, _PASSED[spec]) and _first_time(spec):
            _fail(fault.action, point)


def _first_time(spec: str) -> bool:
    folder = os.environ.get("EXTRACT_FAULT_ONCE")
    if folder is None:
        return True
    try:
        with (Path(folder) / spec.replace("*", "any").replace(":", "-")).open("x") as note:
            note.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def _fail(action: str, point: str) -> None:
    match action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "enospc":
            raise OSError(errno.ENOSPC, "No space left on device (fault point)")
        case "eio":
            raise OSError(errno.EIO, "Input/output error (fault point)")
        case "hang":
            time.sleep(3600)
        case "slow":
            time.sleep(1.5)
        case "hog":
            hoard = []
            while True:
                hoard.append(bytearray(b"x" * (32 << 20)))
                time.sleep(0.05)
        case _:
            raise RuntimeError(f"fault point {point}")
