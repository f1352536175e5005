"""Local workers come with the work and go with it, and ones that are lost are replaced."""

from __future__ import annotations

import os
import socket
import time
from urllib.parse import urlsplit

import dask
import pytest

import cluster.adaptive
import cluster.renew
from cluster import ClusterConfig
from cluster.dashboard import dashboard_lines
from cluster.open import count_slots, open_cluster
from tests.faults.drive import wait_for


def wait_and_tell(seconds: float, number: int) -> tuple[int, int]:
    time.sleep(seconds)
    return number, os.getpid()


@pytest.mark.slow
def test_workers_come_when_work_waits_and_go_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.adaptive, "INTERVAL", "200ms")
    monkeypatch.setattr(cluster.adaptive, "WAIT_COUNT", 2)
    config = ClusterConfig(minimum=1, maximum=3, memory_limit=1 << 30)
    with open_cluster(config) as client:
        assert len(client.nthreads()) == 1
        assert count_slots(client, config) == 3
        # Dask expects a task of this name to take long, and so asks for workers.
        futures = [client.submit(wait_and_tell, 2.0, n, key=f"run_shard-{n}", pure=False) for n in range(12)]
        wait_for(lambda: len(client.nthreads()) == 3, seconds=60)
        assert sorted(number for number, _ in client.gather(futures)) == list(range(12))
        assert len(client.nthreads()) <= 3
        wait_for(lambda: len(client.nthreads()) == 1, seconds=60)


def test_worker_that_goes_for_good_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does whose nanny ends with it."""
    monkeypatch.setattr(cluster.renew, "INTERVAL_SECONDS", 0.5)
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1s"}),
        open_cluster(ClusterConfig(n_workers=1, memory_limit=1 << 30)) as client,
    ):
        [first] = client.nthreads()
        client.retire_workers([first], close_workers=True)
        wait_for(lambda: first not in client.nthreads(), seconds=30)
        wait_for(lambda: len(client.nthreads()) == 1, seconds=60)


def test_dashboard_is_served_on_loopback_and_nowhere_else() -> None:
    with open_cluster(ClusterConfig(n_workers=1, memory_limit=1 << 30)) as client:
        [line] = dashboard_lines(client)
        url = urlsplit(line.removeprefix("dashboard: "))
        assert url.hostname == "127.0.0.1"
        assert url.port is not None
        with socket.create_connection(("127.0.0.1", url.port), timeout=5):
            pass
        # Any other address of loopback's own network is this machine too, but not the one that was asked for.
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", url.port), timeout=5)
