"""A worker that dies between the end of its task and the fetching of the result."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import dask
from distributed import Client, LocalCluster

from jobs.config import StopRequest
from jobs.dispatch import Dispatcher


def _end_the_second_time(mark: Path) -> int:
    """The first call answers with its process; a later one takes its worker with it."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        os._exit(1)
    return os.getpid()


def test_result_that_was_lost_with_its_worker_is_a_killed_task(tmp_path: Path) -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        dispatcher = Dispatcher[str](client, window=1, stop=StopRequest())
        dispatcher.submit("shard", _end_the_second_time, tmp_path / "mark")
        deadline = time.monotonic() + 30
        while not (tmp_path / "mark").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        for worker in client.run(os.getpid).values():
            os.kill(worker, signal.SIGKILL)
        outcome = dispatcher.wait()
        assert outcome.killed
        assert outcome.result is None
