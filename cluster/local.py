"""Responsible for a cluster of worker processes on this machine, reachable from this machine only."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT

from cluster.adaptive import adapt
from cluster.config import ClusterConfig
from cluster.cores import count_cores
from cluster.errors import ClusterUnreachable
from cluster.renew import refilled

MEMORY_SHARE = 0.9
"""Share of the machine's memory that all workers together may use."""


@contextmanager
def start_local(config: ClusterConfig) -> Iterator[Client]:
    """Start spawned workers of one thread each; nothing listens beyond loopback."""
    with _start_workers(config) as cluster, refilled(cluster), Client(cluster) as client:
        adapt(cluster, config)
        yield client


def _start_workers(config: ClusterConfig) -> LocalCluster:
    n_workers = config.maximum or config.n_workers or count_cores()
    try:
        return LocalCluster(
            n_workers=max(1, config.minimum or 0) if config.is_adaptive else n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # the default serves on every interface
            worker_dashboard_address="127.0.0.1:0",
            memory_limit=config.memory_limit or int(MEMORY_LIMIT * MEMORY_SHARE / n_workers),
            silence_logs=logging.CRITICAL,
            preload=["cluster.interrupt"],
            **_lifetime(config),
        )
    except RuntimeError as exc:
        raise ClusterUnreachable(f"workers did not start: {exc}", "run again") from exc


def _lifetime(config: ClusterConfig) -> dict[str, object]:
    if config.lifetime_seconds is None:
        return {}
    return {
        "lifetime": f"{config.lifetime_seconds}s",
        "lifetime_stagger": f"{config.lifetime_seconds / 10}s",
        "lifetime_restart": True,  # here nobody else would start them again
    }
