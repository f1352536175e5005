"""Responsible for a cluster of pods: a DaskCluster resource, which the Dask operator turns into pods.

dask-kubernetes' own KubeCluster speaks plain TCP to its scheduler, so only its operator is used: the resource
is the one that ``extract cluster script`` renders, created before the run and deleted after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from distributed import Client

from cluster.config import ClusterConfig
from cluster.errors import ClusterRefused, ClusterUnreachable
from cluster.join import join_scheduler
from cluster.manifests import API_VERSION, cluster_manifest, scheduler_address


@contextmanager
def start_kubernetes(config: ClusterConfig) -> Iterator[Client]:
    """Create a DaskCluster, join it over TLS, and delete it in the end.

    :raises ClusterUnreachable: when the API server refuses, or the scheduler does not answer in time.
    """
    assert config.kubernetes is not None  # the configuration has checked it
    address = config.kubernetes.address or scheduler_address(config.kubernetes)
    joined = replace(config, kind="address", kubernetes=None, scheduler=address)
    with _created(cluster_manifest(config.kubernetes)), join_scheduler(joined) as client:
        yield client


@contextmanager
def _created(manifest: dict[str, Any]) -> Iterator[None]:
    """A resource that exists while the block runs; one that is there already is not ours, and refused."""
    try:
        import kr8s
        from kr8s.objects import new_class
    except ImportError as exc:
        raise ClusterRefused(
            "kind kubernetes needs the package dask-kubernetes",
            "pip install 'extraction-runner[kubernetes]'",
        ) from exc
    name = manifest["metadata"]["name"]
    try:
        resource = new_class("DaskCluster", API_VERSION, asyncio=False)(manifest)
        if resource.exists():
            raise ClusterRefused(
                f"there is a DaskCluster {name} already", "join it with --scheduler, or use another name"
            )
        resource.create()
    except (kr8s.APITimeoutError, kr8s.ServerError, kr8s.ConnectionClosedError, OSError, ValueError) as exc:
        raise ClusterUnreachable(f"cannot create the DaskCluster {name}: {exc}") from exc
    try:
        yield
    finally:
        resource.delete()
