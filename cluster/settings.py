"""Responsible for the configuration of Dask that goes with this job, whatever files or variables say."""

from __future__ import annotations

from typing import Any


def dask_settings() -> dict[str, Any]:
    """Settings for schedulers, workers and the driver, by dotted name."""
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
        "distributed.admin.tick.interval": "1s",  # Dask's 20 ms keep the driver at 3 % of a core all the time
        "distributed.comm.retry.count": 1,
    }


def nest(settings: dict[str, Any]) -> dict[str, Any]:
    """Dotted names as nested tables, the form of Dask's configuration files."""
    nested: dict[str, Any] = {}
    for name, value in settings.items():
        *path, last = name.split(".")
        table = nested
        for part in path:
            table = table.setdefault(part, {})
        table[last] = value
    return nested
