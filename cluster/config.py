"""Responsible for what a cluster should be: the values, and the configuration of Dask that goes with them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cluster.errors import ClusterRefused

LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """A cluster to start here, or one to join."""

    n_workers: int | None = None
    """Worker processes to start, one thread each; None for one per physical core."""
    memory_limit: int | None = None
    """Bytes of resident memory at which a worker is restarted; None for its share of the machine."""
    scheduler: str | None = None
    """Address of a running scheduler to join; None to start a cluster on this machine."""
    insecure_network: bool = False
    """Whether an address beyond this machine may be joined without TLS."""
    tls_ca: str | None = None
    """Certificate of the authority that signed the cluster's certificates."""
    tls_cert: str | None = None
    tls_key: str | None = None
    start_seconds: float = 120.0
    """How long to wait for the first worker."""

    def __post_init__(self) -> None:
        if self.n_workers is not None and self.n_workers < 1:
            raise ClusterRefused(f"got {self.n_workers} workers, expected at least 1")
        if self.scheduler is not None:
            _check_address(self.scheduler, self.insecure_network)


def read_config(path: Path) -> ClusterConfig:
    """A cluster from a TOML file with the fields of :class:`ClusterConfig` at its top level.

    :raises ClusterRefused: when the file cannot be read or says something unknown.
    """
    try:
        with path.open("rb") as stream:
            values: dict[str, Any] = tomllib.load(stream)
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise ClusterRefused(f"cluster file {path} cannot be read: {exc}") from exc
    known = [field.name for field in fields(ClusterConfig)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ClusterRefused(
            f"cluster file {path}: got {', '.join(unknown)}, expected any of {', '.join(known)}"
        )
    try:
        return ClusterConfig(**values)
    except TypeError as exc:
        raise ClusterRefused(f"cluster file {path}: {exc}") from exc


def dask_settings() -> dict[str, Any]:
    """Dask's configuration for this job, whatever files or variables say."""
    return {
        "distributed.scheduler.worker-saturation": 1.0,
        # The driver owns all retries: every death of a worker is an attempt that it counts.
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.no-workers-timeout": "10m",
        "distributed.scheduler.work-stealing": False,
        "distributed.scheduler.default-task-durations": {"run_shard": "90s", "check_input": "10s"},
        # Nothing is kept in workers, so nothing is ever spilled; a worker near its limit is restarted.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": 0.85,
        "distributed.worker.memory.terminate": 0.95,
        "distributed.worker.profile.enabled": False,
        "distributed.worker.daemon": True,
        "distributed.nanny.pre-spawn-environ": {
            "MALLOC_TRIM_THRESHOLD_": 65536,
            "OMP_NUM_THREADS": 1,
            "MKL_NUM_THREADS": 1,
            "OPENBLAS_NUM_THREADS": 1,
            "RAYON_NUM_THREADS": 1,
            "TOKENIZERS_PARALLELISM": "false",
        },
        "distributed.admin.tick.limit": "1h",  # a shard may hold the interpreter lock for seconds
        "distributed.comm.retry.count": 1,
    }


def _check_address(address: str, insecure_network: bool) -> None:
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if not parts.hostname:
        raise ClusterRefused(f"scheduler address {address!r} names no host", "expected tls://HOST:PORT")
    if parts.scheme == "tls" or parts.hostname in LOOPBACK or insecure_network:
        return
    raise ClusterRefused(
        f"scheduler {address} is beyond this machine and not encrypted: whoever reaches it can run code",
        "use tls://, or --insecure-network if the network is yours alone",
    )
