"""Dask clusters, opened and closed: knows nothing of citations or models."""

from cluster.config import ClusterConfig, read_config
from cluster.errors import ClusterError, ClusterMismatch, ClusterRefused, ClusterUnreachable

__all__ = [
    "ClusterConfig",
    "ClusterError",
    "ClusterMismatch",
    "ClusterRefused",
    "ClusterUnreachable",
    "read_config",
]
