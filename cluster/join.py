"""Responsible for joining a cluster that somebody else runs; it is left as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from distributed import Client
from distributed.security import Security

from cluster.config import ClusterConfig
from cluster.errors import ClusterUnreachable


@contextmanager
def join_scheduler(config: ClusterConfig) -> Iterator[Client]:
    """A client of a running scheduler.

    :raises ClusterUnreachable: when nothing answers there.
    """
    try:
        client = Client(config.scheduler, timeout=f"{config.start_seconds}s", security=_security(config))
    except (OSError, TimeoutError) as exc:
        raise ClusterUnreachable(
            f"no scheduler at {config.scheduler}: {exc}", "check the address and that it is running"
        ) from exc
    with client:
        yield client


def _security(config: ClusterConfig) -> Security | None:
    if config.tls_ca is None:
        return None
    return Security(
        tls_ca_file=config.tls_ca,
        tls_client_cert=config.tls_cert,
        tls_client_key=config.tls_key,
        require_encryption=True,
    )
