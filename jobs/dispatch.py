"""Responsible for running tasks on the cluster: a bounded window, receipts only, no task that goes unnoticed.

Dask runs a task at least once and forgets everything when its scheduler dies. So each try has its own
key, nothing is kept in workers, and what a try has done only counts once the driver has published it.
"""

from __future__ import annotations

import queue
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from distributed import CancelledError, Client, Future, KilledWorker
from distributed.scheduler import NoValidWorkerError, NoWorkerError

from cluster.lost import is_gone
from jobs.config import StopRequest
from jobs.errors import ClusterLost, Stalled
from jobs.portable import call_portably

SHORTEST_SILENCE = 15 * 60.0
"""Seconds; a shard may take long on a slow machine."""
_POLL_SECONDS = 0.2
_RECOUNT_SECONDS = 5.0

Tag = TypeVar("Tag")


@dataclass(frozen=True)
class Outcome(Generic[Tag]):
    """How a task ended."""

    tag: Tag
    """What the caller named it by."""
    result: Any
    """What it returned, if nothing went wrong."""
    error: BaseException | None
    """What it raised."""
    killed: bool
    """Whether its worker process died under it."""
    lost: bool
    """Whether the worker's host or job went with it: preempted, cut off. Then nobody is to blame."""
    seconds: float
    """From submission to end."""


class Dispatcher(Generic[Tag]):
    """Tasks in flight on a cluster."""

    def __init__(
        self,
        client: Client,
        *,
        window: int,
        recount: Callable[[], int] | None = None,
        stop: StopRequest,
        silence_seconds: float | None = None,
    ) -> None:
        self._client = client
        self._recount = recount
        self._window, self._counted = window, time.monotonic()
        self._stop = stop
        self._silence_seconds = silence_seconds
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._running: dict[str, tuple[Tag, Future, float]] = {}
        self._durations: list[float] = []
        self._number = 0

    @property
    def n_running(self) -> int:
        return len(self._running)

    @property
    def has_room(self) -> bool:
        """Whether another task would start at once. Workers come and go, so they are counted repeatedly."""
        if self._recount is not None and time.monotonic() - self._counted > _RECOUNT_SECONDS:
            self._window, self._counted = self._recount(), time.monotonic()
        return len(self._running) < self._window

    def submit(self, tag: Tag, function: Callable[[Any], Any], argument: Any) -> None:
        """Start a task; its end comes out of :meth:`wait`."""
        self._number += 1
        # Never the same key twice: the scheduler would hand back the old result, or the old failure.
        key = f"{function.__name__}-{self._number}-{time.monotonic_ns():x}"
        future = self._client.submit(call_portably, function, argument, key=key, pure=False)
        self._running[key] = (tag, future, time.monotonic())
        future.add_done_callback(self._ended.put)

    def wait(self) -> Outcome[Tag]:
        """The next task that ended.

        :raises Interrupted: when a stop has been asked for and no task has ended before.
        :raises Stalled: when nothing has ended for too long.
        :raises ClusterLost: when the scheduler or all workers are gone.
        """
        since = time.monotonic()
        while True:
            try:
                future = self._ended.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                self._stop.check()
                self._check_silence(time.monotonic() - since)
                continue
            if future.key in self._running:
                return self._settle(future)

    def take_ended(self) -> list[Outcome[Tag]]:
        """All tasks that have ended by now, without waiting."""
        outcomes = []
        while not self._ended.empty():
            future = self._ended.get_nowait()
            if future.key in self._running and future.status != "cancelled":
                outcomes.append(self._settle(future))
        return outcomes

    def _settle(self, future: Future) -> Outcome[Tag]:
        tag, _, started = self._running.pop(future.key)
        seconds = time.monotonic() - started
        self._durations.append(seconds)
        if future.status == "finished":
            result, error = self._fetch(future)
        else:
            result, error = None, self._error_of(future)
        future.release()
        lost = isinstance(error, KilledWorker) and is_gone(self._client, error.last_worker.nanny)
        return Outcome(tag, result, error, isinstance(error, KilledWorker), lost, seconds)

    def _fetch(self, future: Future) -> tuple[Any, BaseException | None]:
        """The result. Its worker may die before it is fetched: then Dask does the task again, on its own."""
        try:
            return future.result(), None
        except KilledWorker as killed:
            return None, killed
        except (CancelledError, OSError) as exc:
            raise cluster_lost(exc) from exc

    def _error_of(self, future: Future) -> BaseException:
        error: BaseException | None = None if future.status == "cancelled" else future.exception()
        if error is None or isinstance(error, (CancelledError, NoValidWorkerError, NoWorkerError)):
            raise cluster_lost(error)
        return error

    def _check_silence(self, seconds: float) -> None:
        if self._client.status not in ("running", "connecting"):
            raise ClusterLost(
                "the cluster is gone",
                got=self._client.status,
                advice="run the same command again to continue",
            )
        usual = statistics.median(self._durations) if self._durations else 0.0
        limit = self._silence_seconds or max(10 * usual, SHORTEST_SILENCE)
        if self._running and seconds > limit:
            raise Stalled(
                f"nothing came back for {limit:.0f} s",
                f"{len(self._running)} running shards",
                advice="what is committed stays; run the same command again to continue",
            )


def cluster_lost(error: BaseException | None) -> ClusterLost:
    """What a broken connection to the cluster means."""
    return ClusterLost(
        "the cluster is gone: scheduler lost or no workers left",
        got=repr(error or "cancelled"),
        advice="what is committed stays; run the same command again to continue",
    )
