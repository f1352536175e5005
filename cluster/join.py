"""Responsible for joining a cluster that somebody else runs; it is left as it was."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client

from cluster.config import ClusterConfig, check_address
from cluster.errors import ClusterRefused, ClusterUnreachable
from cluster.tls import security_of, tls_files


@contextmanager
def join_scheduler(config: ClusterConfig) -> Iterator[Client]:
    """A client of a running scheduler.

    :raises ClusterUnreachable: when nothing answers there.
    """
    address = _address_of(config)
    security = security_of(tls_files(config))
    if address.startswith("tls://") and security is None:
        raise ClusterRefused(
            f"no certificates for {address}", "name the folder of extract cluster certs with --tls"
        )
    try:
        client = Client(address, timeout=f"{config.start_seconds}s", security=security)
    except (OSError, TimeoutError) as exc:
        raise ClusterUnreachable(
            f"no scheduler at {address}: {exc}", "check the address and that it is running"
        ) from exc
    with client:
        yield client


def _address_of(config: ClusterConfig) -> str:
    """The scheduler's address; one that stands in a scheduler file is waited for."""
    address = config.scheduler or ""
    if not address.endswith(".json"):
        return address
    end = time.monotonic() + config.start_seconds
    while True:
        try:
            found = str(json.loads(Path(address).read_bytes())["address"])
        except (OSError, ValueError, KeyError, TypeError) as exc:  # a scheduler writes it when it listens
            if time.monotonic() > end:
                raise ClusterUnreachable(
                    f"no address in the scheduler file {address}: {exc!r}", "start the scheduler with it"
                ) from exc
            time.sleep(0.2)
            continue
        check_address(found, config.insecure_network)
        return found
