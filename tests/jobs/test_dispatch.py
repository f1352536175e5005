"""Workers and schedulers that end in the middle of something else than a task."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import dask
import pytest
from distributed import Client, LocalCluster
from distributed.comm import CommClosedError

from cluster.config import ClusterConfig
from jobs.cli.failure import exit_code_of
from jobs.config import JobConfig, StopRequest
from jobs.dispatch import Dispatcher
from jobs.errors import ClusterLost
from jobs.model import BundleSource
from jobs.run import run_job
from tests.corpus import make_citation, write_medline


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


def test_scheduler_that_ends_while_it_is_asked_is_a_lost_cluster(
    tiny_model: BundleSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks under the check of the workers, as if the scheduler had been killed."""
    source = write_medline(tmp_path / "a.xml", [make_citation(1)])
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        config = JobConfig(
            (str(source),),
            tmp_path / "out",
            tiny_model,
            ClusterConfig(scheduler=cluster.scheduler_address),
        )

        def break_off(*_: object, **__: object) -> None:
            raise CommClosedError("in <TCP (closed)>: Stream is closed")

        monkeypatch.setattr(Client, "run", break_off)
        report = run_job(config)
    assert isinstance(report.stopped_by, ClusterLost)
    assert exit_code_of(report.stopped_by) == 75
