"""Responsible for opening the cluster that a configuration describes, and closing only what was started."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import dask
from distributed import Client

from cluster.config import ClusterConfig
from cluster.errors import ClusterUnreachable
from cluster.join import join_scheduler
from cluster.local import start_local
from cluster.settings import dask_settings

Opener = Callable[[ClusterConfig], AbstractContextManager[Client]]


@contextmanager
def open_cluster(config: ClusterConfig) -> Iterator[Client]:
    """A client of the cluster, with at least one worker there.

    :raises ClusterRefused: when the configuration cannot be followed here.
    :raises ClusterUnreachable: when no scheduler or no worker answers in time.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters reaches us as errors
    with dask.config.set(dask_settings()), _opener_of(config.kind)(config) as client:
        try:
            client.wait_for_workers(1, timeout=config.start_seconds)
        except TimeoutError as exc:
            raise ClusterUnreachable(
                f"no worker after {config.start_seconds:.0f} s", "start workers, then run again"
            ) from exc
        yield client


def count_threads(client: Client) -> int:
    """How many tasks the cluster runs at once, now; at least one, for a worker may be on its way."""
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))


def count_slots(client: Client, config: ClusterConfig) -> int:
    """How many tasks to have in flight: an adaptive cluster only grows when more are wanted than run."""
    return max(count_threads(client), config.maximum or 0)


def _opener_of(kind: str) -> Opener:
    """The function that opens a kind; modules that need packages of their own are imported when used."""
    match kind:
        case "address":
            return join_scheduler
        case "ssh":
            from cluster.ssh import start_ssh

            return start_ssh
        case "slurm":
            from cluster.slurm import start_slurm

            return start_slurm
        case "kubernetes":
            from cluster.kubernetes import start_kubernetes

            return start_kubernetes
        case _:
            return start_local
