"""Responsible for a cluster of SLURM jobs, started from a node that may submit jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from distributed import Client

from cluster.adaptive import adapt
from cluster.config import ClusterConfig
from cluster.errors import ClusterRefused, ClusterUnreachable
from cluster.kinds import SlurmConfig
from cluster.renew import renewed
from cluster.tls import DASK_FILE, security_of, tls_files

JOB_NAME = "extract-worker"
MARGIN_SECONDS = 300
"""How long before a job's time limit its workers retire, at the latest."""


@contextmanager
def start_slurm(config: ClusterConfig) -> Iterator[Client]:
    """A scheduler in this process and workers in jobs, which are cancelled in the end.

    Jobs that end before, or that SLURM preempts, are replaced.

    :raises ClusterUnreachable: when jobs cannot be submitted.
    """
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as exc:
        raise ClusterRefused(
            "kind slurm needs the package dask-jobqueue", "pip install 'extraction-runner[slurm]'"
        ) from exc
    assert config.slurm is not None  # the configuration has checked it
    security = security_of(tls_files(config))
    try:
        cluster = SLURMCluster(**slurm_options(config, config.slurm), security=security)
    except (OSError, RuntimeError) as exc:
        raise ClusterUnreachable(f"cannot start a scheduler for SLURM jobs: {exc}") from exc
    with cluster, renewed(cluster, JOB_NAME), Client(cluster, security=security) as client:
        if config.is_adaptive:
            adapt(cluster, config)
        else:
            cluster.scale(jobs=config.slurm.jobs)
        yield client


def slurm_options(config: ClusterConfig, slurm: SlurmConfig) -> dict[str, Any]:
    """What dask-jobqueue's SLURMCluster is asked for; each worker has one thread."""
    optional = {
        "queue": slurm.partition,
        "account": slurm.account,
        "interface": slurm.interface,
        "log_directory": slurm.log_directory,
        "python": slurm.python,
    }
    return {
        "cores": slurm.cores,
        "processes": slurm.cores,  # the default is about its square root, with threads
        "memory": slurm.memory,
        "walltime": slurm.walltime,
        "job_name": JOB_NAME,
        "local_directory": slurm.local_directory,
        "job_script_prologue": [*_environment(config), *slurm.prologue],
        "job_extra_directives": list(slurm.directives),
        "worker_extra_args": [
            *lifetime_of(config, slurm),
            *("--dashboard-address", "127.0.0.1:0"),
            # Without either, a worker listens on every interface; the job's shell knows the node's name.
            *([] if slurm.interface else ["--host", "$SLURMD_NODENAME"]),
        ],
        "scheduler_options": {"dashboard_address": "127.0.0.1:0"},
        **{name: value for name, value in optional.items() if value is not None},
    }


def lifetime_of(config: ClusterConfig, slurm: SlurmConfig) -> list[str]:
    """Worker arguments that make it retire before SLURM ends its job, and not all at once."""
    limit = slurm.walltime_seconds
    seconds = int(config.lifetime_seconds or max(limit - MARGIN_SECONDS, limit // 2))
    stagger = max(0, min(240, limit - seconds - 30, seconds // 4))
    return ["--lifetime", f"{seconds}s", "--lifetime-stagger", f"{stagger}s"]


def _environment(config: ClusterConfig) -> list[str]:
    """Shell lines that give workers the settings that lie beside the certificates."""
    if config.tls is None:
        return []
    return [f"export DASK_CONFIG={Path(config.tls).expanduser().absolute() / DASK_FILE}"]
