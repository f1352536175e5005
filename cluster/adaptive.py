"""Responsible for letting the number of workers follow the work, within bounds."""

from __future__ import annotations

from distributed.deploy.cluster import Cluster

from cluster.config import ClusterConfig

INTERVAL = "5s"
WAIT_COUNT = 6
"""Looks in a row that must find a worker idle before it is let go: shards come in waves."""


def adapt(cluster: Cluster, config: ClusterConfig) -> None:
    """Make a cluster adaptive if its configuration says so.

    Results lie on disk, so a worker that is let go takes nothing with it.
    """
    if config.maximum is not None:
        cluster.adapt(
            minimum=config.minimum or 0, maximum=config.maximum, interval=INTERVAL, wait_count=WAIT_COUNT
        )
