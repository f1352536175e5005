"""Responsible for starting again what has ended while it was still wanted: SLURM jobs, and local workers.

dask-jobqueue submits a job once. One that reaches its time limit, whose workers retire before it, or that
somebody cancels is not replaced, and one that SLURM has put back in the queue is cancelled when its worker
has been away for 15 seconds. So it is SLURM who is asked here which jobs there are.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
from distributed.deploy.spec import SpecCluster
from tornado.ioloop import PeriodicCallback

INTERVAL_SECONDS = 10.0
"""Between two looks. SLURM is only asked while workers are missing."""
SHORT_SECONDS = 60.0
MOST_IN_VAIN = 5
"""A job that ends within so many seconds, so many times, is wrong in itself and left alone."""
NEVER = "52w"
"""When Dask may cancel a job whose worker is away: SLURM may have it in its queue, to run it again."""


@contextmanager
def renewed(cluster: SpecCluster, job_name: str) -> Iterator[None]:
    """Keep the jobs of a cluster of SLURM jobs, all of one name, coming while the block runs."""
    renewal = _Renewal(cluster, job_name)
    with dask.config.set({"distributed.deploy.lost-worker-timeout": NEVER}):
        callback = PeriodicCallback(renewal.look, INTERVAL_SECONDS * 1000)
        cluster.loop.add_callback(callback.start)
        try:
            yield
        finally:
            cluster.loop.add_callback(callback.stop)


@contextmanager
def refilled(cluster: SpecCluster) -> Iterator[None]:
    """Keep as many workers as are wanted while the block runs.

    Dask forgets a worker 15 s after it has gone, and starts another only when somebody scales. One whose
    lifetime is over starts anew by itself, but not always: sometimes its nanny ends with it.
    """
    callback = PeriodicCallback(lambda: cluster.scale(len(cluster.worker_spec)), INTERVAL_SECONDS * 1000)
    cluster.loop.add_callback(callback.start)
    try:
        yield
    finally:
        cluster.loop.add_callback(callback.stop)


class _Renewal:
    """What is known of the jobs of one cluster; used in the cluster's event loop only."""

    def __init__(self, cluster: SpecCluster, job_name: str) -> None:
        self._cluster = cluster
        self._job_name = job_name
        self._seen: dict[str, float] = {}
        """When each job was looked at first, by its number."""
        self._in_vain: Counter[Any] = Counter()

    async def look(self) -> None:
        """Submit again what has ended without being told to."""
        now = time.monotonic()
        jobs = {name: job.job_id for name, job in self._cluster.workers.items() if job.job_id}
        for number in jobs.values():
            self._seen.setdefault(number, now)
        if not self._missing():
            return
        listed = await self._listed()
        if listed is None:
            return
        ended = [name for name, number in jobs.items() if number not in listed and self._is_wanted(name)]
        for name in ended:
            if now - self._seen[jobs[name]] < SHORT_SECONDS:
                self._in_vain[name] += 1
            if self._in_vain[name] < MOST_IN_VAIN and self._cluster.workers[name].job_id == jobs[name]:
                del self._cluster.workers[name]
        if ended:
            self._cluster.scale(jobs=len(self._cluster.worker_spec))  # starts what has no job

    def _is_wanted(self, name: Any) -> bool:
        return name in self._cluster.worker_spec and name in self._cluster.workers

    def _missing(self) -> bool:
        """Whether a worker that is wanted is not there."""
        return not self._cluster.plan <= self._cluster.observed

    async def _listed(self) -> set[str] | None:
        """Numbers of the jobs that SLURM has, running or waiting; None if it does not say."""
        words = ("--noheader", "--format=%i", f"--name={self._job_name}")
        try:
            process = await asyncio.create_subprocess_exec(
                "squeue", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
            out, _ = await process.communicate()
        except OSError:
            return None
        return set(out.decode().split()) if process.returncode == 0 else None
