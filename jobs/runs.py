"""Responsible for the record of a run: its id, its settings, its numbers, and whether it is still alive."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extract.commits import RUNS
from jobs.durable import make_folder, put_over, writing
from jobs.layout import run_folder
from jobs.process import cpu_class
from jobs.versions import DECISIVE, version_of

RUN = "run.json"
METRICS = "metrics.json"
_LOCK = "lock"
_PACKAGES = (*DECISIVE, "dask", "distributed")


def new_run_id(root: Path) -> str:
    """An id that no other run has, sorting after those that are there: ``000003-20261121T081500Z-...``."""
    numbers = [int(name.partition("-")[0]) for name in list_runs(root)]
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{max(numbers, default=0) + 1:06d}-{now}-{uuid.uuid4().hex[:8]}"


def list_runs(root: Path) -> list[str]:
    """Ids of all runs, oldest first."""
    folder = root / RUNS
    return (
        sorted(entry.name for entry in folder.iterdir() if entry.name[:6].isdigit())
        if folder.is_dir()
        else []
    )


@contextmanager
def opened_run(root: Path, run_id: str, facts: Mapping[str, Any]) -> Iterator[None]:
    """Note a run, and hold its lock while it goes on; the lock ends with the process, however that ends."""
    folder = run_folder(root, run_id)
    make_folder(folder)
    with writing(folder):
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # whoever asks is_alive() holds it for a moment
        put_over(folder / RUN, _to_json({"run_id": run_id, **facts, **_environment()}))
        yield
    finally:
        os.close(descriptor)


def is_alive(root: Path, run_id: str) -> bool:
    """Whether the run's driver still runs, as far as its lock can tell."""
    try:
        descriptor = os.open(run_folder(root, run_id) / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def write_metrics(root: Path, run_id: str, metrics: Mapping[str, Any]) -> None:
    """Note the numbers of a run."""
    put_over(run_folder(root, run_id) / METRICS, _to_json(metrics))


def read_run(root: Path, run_id: str) -> dict[str, Any]:
    """What a run noted when it began; empty when it was stopped before that."""
    return _read_json(run_folder(root, run_id) / RUN)


def read_metrics(root: Path, run_id: str) -> dict[str, Any]:
    """The numbers of a run; empty when it was killed before it could note them."""
    return _read_json(run_folder(root, run_id) / METRICS)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _to_json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _environment() -> dict[str, Any]:
    """The machine and the software, without names of hosts, users or folders."""
    return {
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": {"cpu": cpu_class(), "cores": os.cpu_count(), "system": platform.system()},
        "versions": {"python": platform.python_version(), **{name: version_of(name) for name in _PACKAGES}},
    }
