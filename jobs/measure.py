"""Responsible for measuring a model on a sample, by trials of several sizes on a cluster started for them.

Everything is timed by the clock, as the run will be: waiting for the disk and for the other workers counts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from cluster import ClusterConfig
from extract.remote import state_of
from jobs.config import JobConfig, StopRequest
from jobs.errors import JobError
from jobs.model import ModelSource
from jobs.plan_cost import STAGES, Measured, ShardCost, fit_shard_cost
from jobs.sample import UNIT_RECORDS, Sample

# Importing Dask is part of a run's start, so it is timed here.
if TYPE_CHECKING:
    from distributed import Client

    from extract.commits import CommitRecord
    from jobs.dispatch import Dispatcher, Outcome
    from jobs.plan import Shard
    from jobs.probe import Lengths
    from jobs.trial import Trial

CHECKS = 2
"""Checks of a small file by each worker, after one to warm up."""
LONG_CHECK_SECONDS = 0.5
WARM_RECORDS = 20
PILOT_RECORDS = 100
SMALL_SHARDS = 3
"""Shards of one unit that each worker does, to learn what a shard takes apart from its records."""
LARGE_SHARDS = 4
LARGE_SECONDS = 1.5
"""About how long a large shard is to take, if the run's shards are not smaller."""
LENGTH_RECORDS = 200


def measure(
    model: ModelSource, sample: Sample, *, n_workers: int, gate: bool, slice_records: int
) -> Measured:
    """Measure a model on a cluster of this machine; takes some seconds.

    :param slice_records: records of the run's shards: no trial is larger.
    :raises ClusterError: when workers cannot be started.
    :raises JobError: when they cannot do the sample.
    """
    started = time.monotonic()
    import jobs.trial  # noqa: F401
    from cluster.open import open_cluster

    with TemporaryDirectory(prefix="extract-plan-") as folder:
        config = JobConfig(inputs=(), out=Path(folder), model=model, gate=gate)
        with open_cluster(ClusterConfig(n_workers=n_workers)) as client:
            client.wait_for_workers(n_workers, timeout=120)
            opened = time.monotonic()
            trials = _Trials(config, client, sample, n_workers, slice_records)
            trials.run()
            lengths = trials.probe()
            closing = time.monotonic()
        closed = time.monotonic()
    return trials.tell(opened - started + closed - closing, lengths)


class _Trials:
    """The trials of a model on an open cluster."""

    def __init__(
        self, config: JobConfig, client: Client, sample: Sample, n_workers: int, slice_records: int
    ) -> None:
        from jobs.dispatch import Dispatcher

        self._config = config
        self._client = client
        self._sample = sample
        self._n_workers = n_workers
        self._slice_records = slice_records
        self._dispatcher: Dispatcher[Shard] = Dispatcher(client, window=n_workers, stop=StopRequest())

    def run(self) -> None:
        """A first shard for each worker, then small ones, then as large as fits the time."""
        self._first_check, self._check = self._time_checks(1), self._time_checks(CHECKS)
        self._warm = self._trial(1, WARM_RECORDS)
        self._small = self._trial(SMALL_SHARDS, UNIT_RECORDS)
        pilot = self._trial(1, min(PILOT_RECORDS, self._slice_records))
        per_record = pilot.wall_seconds * self._n_workers / max(pilot.n_records, 1)
        wanted = min(max(LARGE_SECONDS / per_record, PILOT_RECORDS), self._slice_records)
        self._large = self._trial(LARGE_SHARDS, int(wanted))

    def _time_checks(self, n_each: int) -> float:
        """Seconds to check the smallest file, beyond those that its size explains; 0 where it is large."""
        from jobs.dispatch import Dispatcher
        from jobs.intake import Candidate, CheckTask, check_input

        path, source = min(self._sample.files, key=lambda entry: entry[1].n_bytes)
        by_size = source.n_bytes * self._sample.check_seconds_per_byte
        if by_size > LONG_CHECK_SECONDS:
            return 0.0
        dispatcher: Dispatcher[None] = Dispatcher(self._client, window=self._n_workers, stop=StopRequest())
        candidate = Candidate(path, source.n_bytes, state_of(path)[1])
        task = CheckTask(candidate, self._slice_records, frozenset())
        n_left = n_each * self._n_workers
        started = time.monotonic()
        while n_left or dispatcher.n_running:
            while n_left and dispatcher.has_room:
                dispatcher.submit(None, check_input, task)
                n_left -= 1
            raise_for(dispatcher.wait())
        return max((time.monotonic() - started) / n_each - by_size, 0.0)

    def _trial(self, n_each: int, n_records: int) -> Trial:
        from jobs.trial import run_trial

        pieces = self._sample.cut(n_each * self._n_workers, n_records)
        return run_trial(self._config, self._dispatcher, pieces, n_workers=self._n_workers)

    def probe(self) -> list[Lengths]:
        """Lengths of texts, from a piece for each worker."""
        from jobs.dispatch import Dispatcher
        from jobs.probe import ProbeTask, probe_piece

        dispatcher: Dispatcher[None] = Dispatcher(self._client, window=self._n_workers, stop=StopRequest())
        for piece in self._sample.cut(self._n_workers, LENGTH_RECORDS):
            dispatcher.submit(None, probe_piece, ProbeTask(piece, self._config.model, self._config.gate))
        found = []
        while dispatcher.n_running:
            outcome = dispatcher.wait()
            raise_for(outcome)
            found.append(outcome.result)
        return found

    def tell(self, start_seconds: float, lengths: Sequence[Lengths]) -> Measured:
        """What was measured."""
        model, commits = self._config.model, (*self._small.commits, *self._large.commits)
        cost = self._shard_cost()
        first = self._warm.wall_seconds - cost.of(self._warm.n_records / len(self._warm.commits))
        return Measured(
            model=model.name,
            model_sha256=model.sha256,
            gate=self._config.gate and model.has_gate,
            n_workers=self._n_workers,
            n_citations=sum(commit.n_citations for commit in commits),
            n_tokens=sum(commit.n_tokens for commit in commits),
            n_gated_out=sum(commit.n_gated_out for commit in commits),
            start_seconds=start_seconds + max(first, 0.0) + max(self._first_check - self._check, 0.0),
            check_seconds=self._check,
            shard=cost,
            cpu_share=min(sum(commit.cpu_seconds for commit in commits) / _busy(commits), 1.0),
            stage_seconds=_stages(self._large, lengths),
            lengths=tuple(lengths),
        )

    def _shard_cost(self) -> ShardCost:
        """Cost in a worker, and what passes between a worker's shards: seen best where shards are small."""
        cost = fit_shard_cost(_mean(self._small), _mean(self._large))
        idle = self._small.wall_seconds * self._n_workers - self._small.busy_seconds
        between = max(idle, 0.0) / len(self._small.commits)
        return ShardCost(cost.fixed_seconds + between, cost.record_seconds)


def raise_for(outcome: Outcome[None]) -> None:
    """
    :raises JobError: when a task did not end well.
    """
    if outcome.error is not None:
        got = repr(outcome.error)[:300]
        raise JobError("the sample cannot be measured", got=got) from outcome.error


def _busy(commits: Sequence[CommitRecord]) -> float:
    return max(sum(commit.wall_seconds for commit in commits), 1e-9)


def _mean(trial: Trial) -> tuple[float, float]:
    """Records and seconds of a shard."""
    return (
        fmean(commit.n_records for commit in trial.commits),
        fmean(commit.wall_seconds for commit in trial.commits),
    )


def _stages(trial: Trial, lengths: Sequence[Lengths]) -> dict[str, float]:
    """CPU time by stage: a shard counts splitting and gating as one."""
    noted = {stage: sum(commit.stage_seconds.get(stage, 0.0) for commit in trial.commits) for stage in STAGES}
    gate = sum(entry.gate_seconds for entry in lengths)
    share = gate / max(gate + sum(entry.split_seconds for entry in lengths), 1e-9)
    return {**noted, "split": noted["split"] * (1 - share), "gate": noted["split"] * share}
