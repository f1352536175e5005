"""Responsible for a cluster of worker processes on this machine, reachable from this machine only."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT

from cluster.config import ClusterConfig
from cluster.cores import count_cores

MEMORY_SHARE = 0.9
"""Share of the machine's memory that all workers together may use."""


@contextmanager
def start_local(config: ClusterConfig) -> Iterator[Client]:
    """Start spawned workers of one thread each; nothing listens beyond loopback."""
    n_workers = config.n_workers or count_cores()
    with (
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",  # the default serves on every interface
            worker_dashboard_address="127.0.0.1:0",
            memory_limit=config.memory_limit or int(MEMORY_LIMIT * MEMORY_SHARE / n_workers),
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
