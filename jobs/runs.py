"""Responsible for the record of a run: its id, its settings, its numbers, and whether it is still alive."""

from __future__ import annotations

import json
import os
import platform
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from extract.commits import RUNS
from extract.place import Place
from jobs.layout import run_folder
from jobs.process import cpu_class
from jobs.store import store_of
from jobs.versions import DECISIVE, version_of

RUN = "run.json"
METRICS = "metrics.json"
_PACKAGES = (*DECISIVE, "dask", "distributed")


def new_run_id(root: Place) -> str:
    """An id that no other run has, sorting after those that are there: ``000003-20261121T081500Z-...``."""
    numbers = [int(name.partition("-")[0]) for name in list_runs(root)]
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{max(numbers, default=0) + 1:06d}-{now}-{uuid.uuid4().hex[:8]}"


def list_runs(root: Place) -> list[str]:
    """Ids of all runs, oldest first."""
    folder = root / RUNS
    return (
        sorted(entry.name for entry in folder.iterdir() if entry.name[:6].isdigit())
        if folder.is_dir()
        else []
    )


@contextmanager
def opened_run(root: Place, run_id: str, facts: Mapping[str, Any]) -> Iterator[None]:
    """Note a run, and show that it goes on while it does."""
    store = store_of(root)
    with store.holding(run_id):
        store.put_over(f"{RUNS}/{run_id}/{RUN}", _to_json({"run_id": run_id, **facts, **_environment()}))
        yield


def is_alive(root: Place, run_id: str) -> bool:
    """Whether the run's driver still runs, as far as can be told."""
    return store_of(root).is_alive(run_id)


def write_metrics(root: Place, run_id: str, metrics: Mapping[str, Any]) -> None:
    """Note the numbers of a run."""
    store_of(root).put_over(f"{RUNS}/{run_id}/{METRICS}", _to_json(metrics))


def read_run(root: Place, run_id: str) -> dict[str, Any]:
    """What a run noted when it began; empty when it was stopped before that."""
    return _read_json(run_folder(root, run_id) / RUN)


def read_metrics(root: Place, run_id: str) -> dict[str, Any]:
    """The numbers of a run; empty when it was killed before it could note them."""
    return _read_json(run_folder(root, run_id) / METRICS)


def _read_json(path: Place) -> dict[str, Any]:
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
