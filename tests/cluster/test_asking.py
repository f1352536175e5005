"""Workers that end while they are asked are no reason to stop; ones that cannot answer are."""

from __future__ import annotations

import os
import time
from pathlib import Path

from distributed import Client, LocalCluster

from cluster.asking import ask_workers
from cluster.versions import check_workers


def _end_one(mark: Path) -> int:
    """The first worker that gets here ends; the others answer."""
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return os.getpid()
    os._exit(1)


def _raise(_: int) -> None:
    raise FileNotFoundError("no such file on this worker")


def test_worker_that_ends_is_left_out_and_one_that_fails_is_not(tmp_path: Path) -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        answers = ask_workers(client, _end_one, tmp_path / "mark")
        assert len(answers) == 1
        assert all(isinstance(answer, int) for answer in answers.values())
        deadline = time.monotonic() + 60
        while len(ask_workers(client, os.getpid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)  # the scheduler knows the one that ended for a moment yet
        failed = ask_workers(client, _raise, 1)
        assert len(failed) == 2
        assert all(isinstance(answer, FileNotFoundError) for answer in failed.values())
        assert len(check_workers(client)) == 2
