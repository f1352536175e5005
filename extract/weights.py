"""Responsible for one prepacked copy of a model's weights that all processes of a host map.

::

    FOLDER/                     this user's alone, mode 0700
        KEY/                    of the model, ONNX Runtime and the processor
            model.onnx          the graph, weights left out
            weights.bin         the weights as the kernels want them, mapped, never copied
            index.json          size and SHA-256 of both

An entry is made aside and takes its name when it is complete; then it never changes. One that is not what its
index says, or lies where another user could have put it, is refused. Any of it may be deleted at any
time: who has it mapped keeps it, and the next process makes it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import uuid
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from extract.bundle import FileEntry, hash_file
from extract.errors import BundleError
from extract.private import is_private

GRAPH = "model.onnx"
WEIGHTS = "weights.bin"
INDEX = "index.json"
KEPT = 8
"""Entries that stay when one is added, those used last: models and versions come and go."""


def weights_key(model_sha256: str, runtime: str) -> str:
    """Name of an entry: prepacked weights suit one version of the runtime on one kind of processor."""
    text = json.dumps([model_sha256, runtime, _processor()])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def require_weights(folder: Path, key: str, write: Callable[[Path], None]) -> Path:
    """The graph of an entry, made with ``write`` if there is none.

    :param write: writes :data:`GRAPH` and :data:`WEIGHTS` into the folder that it is given.
    :raises BundleError: when the entry or the folder is not to be trusted, or cannot be written.
    """
    entry = folder / key
    try:
        _require_own(folder, make=True)
        if not entry.exists():
            _make(entry, write)
            _forget_old(folder)
        _require_own(entry)
        _check(entry)
        os.utime(entry)
    except OSError as exc:
        raise _refusal(entry, exc.strerror or str(exc), "a folder that can be written to") from exc
    return entry / GRAPH


def _require_own(folder: Path, *, make: bool = False) -> None:
    if make:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_private(folder):
        raise _refusal(folder, "a folder that others may change", "one of this user, mode 0700")


def _make(entry: Path, write: Callable[[Path], None]) -> None:
    aside = entry.with_name(f".{entry.name}.{uuid.uuid4().hex}")
    aside.mkdir(mode=0o700)
    try:
        write(aside)
        files = {}
        for name in (GRAPH, WEIGHTS):
            _sync(aside / name)
            files[name] = asdict(hash_file(aside / name))
        (aside / INDEX).write_text(json.dumps(files), encoding="ascii")
        _sync(aside / INDEX)
        try:
            aside.rename(entry)
        except OSError:
            # Another process was first; its entry is as good.
            if not entry.exists():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _check(entry: Path) -> None:
    try:
        index = json.loads((entry / INDEX).read_bytes())
        expected = {name: FileEntry(**index[name]) for name in (GRAPH, WEIGHTS)}
    except (ValueError, TypeError, KeyError) as exc:
        raise _refusal(entry / INDEX, str(exc), "an index of two files") from exc
    for name, wanted in expected.items():
        path = entry / name
        if path.is_symlink() or hash_file(path) != wanted:
            raise _refusal(path, "another content", f"sha256 {wanted.sha256[:12]}")


def _forget_old(folder: Path) -> None:
    entries = [path for path in folder.iterdir() if not path.name.startswith(".")]
    entries.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in entries[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _refusal(where: Path, got: str, expected: str) -> BundleError:
    return BundleError("shared weights refused", str(where), got, expected, "delete it; it is made again")


def _processor() -> str:
    """What decides which kernels run: the first processor's model and abilities."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split("\n\n")[0]
    except OSError:
        return platform.machine()
    wanted = ("vendor_id", "cpu family", "model", "flags", "Features", "CPU part")
    return "\n".join(line for line in lines.splitlines() if line.split("\t")[0].strip() in wanted)
