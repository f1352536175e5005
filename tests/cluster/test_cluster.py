"""A cluster of our own is reachable from this machine only, and its workers load nothing heavy."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client

from cluster import ClusterConfig, ClusterRefused, ClusterUnreachable, read_config
from cluster.cores import count_cores
from cluster.open import count_threads, open_cluster

N_WORKERS = 2


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_cluster(ClusterConfig(n_workers=N_WORKERS, memory_limit=1 << 30)) as client:
        yield client


def listening(pid: int) -> set[str]:
    """Addresses, in the kernel's notation, of all TCP sockets on which a process listens."""
    sockets = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(descriptor))
        except OSError:
            continue
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1].partition(":")[0])
    return found


def test_nothing_listens_beyond_loopback(client: Client) -> None:
    pids = [os.getpid(), *client.run(os.getpid).values()]
    addresses = set.union(*(listening(pid) for pid in pids))
    assert addresses == {"0100007F"}


def test_workers_have_one_thread_and_a_memory_limit(client: Client) -> None:
    assert list(client.nthreads().values()) == [1] * N_WORKERS
    assert count_threads(client) == N_WORKERS
    workers = client.scheduler_info()["workers"].values()
    assert {worker["memory_limit"] for worker in workers} == {1 << 30}


def test_workers_take_no_threads_of_their_own(client: Client) -> None:
    for name, value in (("OMP_NUM_THREADS", "1"), ("TOKENIZERS_PARALLELISM", "false")):
        assert set(client.run(os.environ.get, name).values()) == {value}


def test_worker_that_runs_shards_loads_no_torch(client: Client) -> None:
    def loaded() -> set[str]:
        import jobs.model
        import jobs.shard

        assert jobs.shard.run_shard
        assert jobs.model.require_model
        return {"torch", "transformers", "onnx", "safetensors"} & set(sys.modules)

    assert set.union(*client.run(loaded).values()) == set()


def test_joined_cluster_is_left_running(client: Client) -> None:
    address = client.scheduler.address
    with open_cluster(ClusterConfig(scheduler=address)) as joined:
        assert joined.submit(sum, [1, 2]).result() == 3
    assert client.submit(sum, [3, 4]).result() == 7


def test_scheduler_that_is_not_there_is_told() -> None:
    config = ClusterConfig(scheduler="tcp://127.0.0.1:1", start_seconds=1)
    with pytest.raises(ClusterUnreachable, match="127.0.0.1:1"), open_cluster(config):
        pass


@pytest.mark.parametrize("address", ["tcp://198.51.100.7:8786", "198.51.100.7:8786", "tcp://:8786"])
def test_open_network_is_refused(address: str) -> None:
    with pytest.raises(ClusterRefused):
        ClusterConfig(scheduler=address)


def test_encrypted_or_permitted_addresses_are_taken() -> None:
    assert ClusterConfig(scheduler="tls://198.51.100.7:8786").scheduler
    assert ClusterConfig(scheduler="tcp://198.51.100.7:8786", insecure_network=True).scheduler


def test_config_file_is_read_and_checked(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text("n_workers = 3\nmemory_limit = 1_000_000_000\n", encoding="utf-8")
    assert read_config(path) == ClusterConfig(n_workers=3, memory_limit=1_000_000_000)
    for wrong in ("n_wrokers = 3", "n_workers = 0", "n_workers = "):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(ClusterRefused):
            read_config(path)


def test_cores_are_counted() -> None:
    assert 1 <= count_cores() <= (os.cpu_count() or 1)
