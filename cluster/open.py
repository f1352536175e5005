"""Responsible for opening the cluster that a configuration describes, and closing only what was started."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client

from cluster.config import ClusterConfig, dask_settings
from cluster.errors import ClusterUnreachable
from cluster.join import join_scheduler
from cluster.local import start_local


@contextmanager
def open_cluster(config: ClusterConfig) -> Iterator[Client]:
    """A client of the cluster, with at least one worker there.

    :raises ClusterUnreachable: when no scheduler or no worker answers in time.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters reaches us as errors
    opened = start_local if config.scheduler is None else join_scheduler
    with dask.config.set(dask_settings()), opened(config) as client:
        try:
            client.wait_for_workers(1, timeout=config.start_seconds)
        except TimeoutError as exc:
            raise ClusterUnreachable(
                f"no worker after {config.start_seconds:.0f} s", "start workers, then run again"
            ) from exc
        yield client


def count_threads(client: Client) -> int:
    """How many tasks the cluster runs at once, now."""
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))
