"""Responsible for what a worker is made of, and for refusing workers that are made of something else.

Dask itself only compares what its own messages need. Here every package that can change a row must be the
same in the driver and in all workers. Those that come later are refused by the work itself.
"""

from __future__ import annotations

import platform
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from distributed import Client

from cluster.asking import ask_workers
from cluster.cpu import cpu_class
from cluster.errors import ClusterMismatch

PACKAGES = (
    "extraction-runner",
    "cloudpickle",
    "dask",
    "distributed",
    "isal",
    "lxml",
    "msgpack",
    "numpy",
    "onnxruntime",
    "pyarrow",
    "tokenizers",
    "tornado",
)
"""What decides rows, or whether processes understand each other."""
_NAMED = 3
"""Workers named in a line of differences; the others are counted."""

Versions = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A worker process, as the scheduler and the process itself describe it."""

    address: str
    name: str
    threads: int
    memory_limit: int
    """Bytes at which it is restarted; 0 for never."""
    cpu: str
    """CPU class; empty when the worker could not be asked."""
    versions: Versions
    problem: str = ""
    """Why it could not be asked."""


@cache
def versions_here() -> Versions:
    """Versions of Python and of :data:`PACKAGES` in this process, by name."""
    return (("python", platform.python_version()), *((name, _version(name)) for name in PACKAGES))


def list_workers(client: Client) -> list[WorkerFacts]:
    """All workers of a cluster, each asked what it is."""
    workers: dict[str, dict[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
    answers = ask_workers(client, _ask)
    return [
        _facts(address, workers[address], answer)
        for address, answer in sorted(answers.items())
        if address in workers
    ]


def check_workers(client: Client) -> list[WorkerFacts]:
    """All workers, when they are made of the same as this process.

    :raises ClusterMismatch: when one is not; its ``rows`` are the table of differences.
    """
    workers = list_workers(client)
    broken = [worker for worker in workers if worker.problem]
    if broken:
        raise ClusterMismatch(
            f"{len(broken)} of {len(workers)} workers cannot run this package: {broken[0].problem}",
            "install the same version of it on every worker",
            tuple(f"{worker.name} at {worker.address}: {worker.problem}" for worker in broken[:20]),
        )
    found = {worker.address: worker.versions for worker in workers}
    if any(versions != versions_here() for versions in found.values()):
        raise mismatch(versions_here(), found)
    return workers


def mismatch(wanted: Versions, found: dict[str, Versions]) -> ClusterMismatch:
    """The error that tells each package that differs, and where."""
    where: dict[tuple[str, str], list[str]] = defaultdict(list)
    for worker, versions in found.items():
        for name, there in versions:
            if dict(wanted).get(name) != there:
                where[name, there].append(worker)
    rows = tuple(
        f"{name}: {dict(wanted).get(name, 'unknown')} here, {there} on {_names(workers)}"
        for (name, there), workers in sorted(where.items())
    )
    return ClusterMismatch(
        f"workers are made of other packages than this process: {'; '.join(rows[:_NAMED])}",
        "install the same versions everywhere",
        rows,
    )


def _names(workers: Iterable[str]) -> str:
    first, *others = sorted(workers)
    more = others[_NAMED - 1 :]
    named = ", ".join([first, *others[: _NAMED - 1]])
    return f"{named} and {len(more)} more" if more else named


def _ask() -> tuple[str, Versions]:
    return cpu_class(), versions_here()


def _facts(address: str, described: dict[str, Any], answer: Any) -> WorkerFacts:
    ill = isinstance(answer, BaseException)
    cpu, versions = ("", ()) if ill else answer
    return WorkerFacts(
        address=address,
        name=str(described["name"]),
        threads=int(described["nthreads"]),
        memory_limit=int(described["memory_limit"] or 0),
        cpu=cpu,
        versions=versions,
        problem=f"{type(answer).__name__}: {answer}"[:200] if ill else "",
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
