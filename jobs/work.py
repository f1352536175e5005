"""Responsible for getting every pending shard committed: tries again, tries alone, halves, quarantines."""

from __future__ import annotations

import dataclasses
from collections import Counter, deque
from collections.abc import Callable, Iterable
from pathlib import Path

from extract.commits import COMMITS, CommitRecord
from extract.errors import BundleError, SourceError, StoreError, StoreRefused
from jobs.commit import publish
from jobs.config import JobConfig, Listener
from jobs.dispatch import Dispatcher, Outcome
from jobs.errors import (
    ClusterLost,
    Interrupted,
    JobError,
    OutputBroken,
    OutputUnwritable,
    ProgramFault,
    Stalled,
    TooManyQuarantined,
)
from jobs.isolate import KILLS_WORKER, find_poison
from jobs.plan import Shard
from jobs.receipt import Receipt
from jobs.shard import ShardTask, run_shard
from jobs.versions import own_versions

TRIES = 3
"""How often a shard is tried among others before it is tried alone."""
EXCUSES = 10
"""How often a shard is tried again because its worker was preempted or cut off, without being blamed."""
CHUNK_ALONE = 100
"""Citations at once for a shard tried alone: a shard that needs too much memory passes so."""
SMALLEST_ALLOWANCE = 10
DEFAULT_SHARE = 0.001

_FATAL = (OutputBroken, OutputUnwritable, StoreError, BundleError, JobError)


class Work:
    """The shards of a run on their way to being committed."""

    def __init__(
        self,
        config: JobConfig,
        run_id: str,
        dispatcher: Dispatcher[Shard],
        *,
        listener: Listener,
        on_commit: Callable[[CommitRecord], None],
        n_citations: int,
        n_workers: int,
        carry: Path | None,
    ) -> None:
        self._config = config
        self._run_id = run_id
        self._dispatcher = dispatcher
        self._listener = listener
        self._on_commit = on_commit
        self._carry = carry
        self._shadow = config.shadow if n_citations >= config.shadow_least * n_workers else None
        self._attempts: Counter[str] = Counter()
        self._excused: Counter[str] = Counter()
        self._suspects: list[Shard] = []
        self._n_committed = 0
        self._refused: set[str] = set()
        self._n_quarantined = 0
        self._noted: set[str] = set()
        share = config.max_quarantine
        self._allowance = (
            max(SMALLEST_ALLOWANCE, int(DEFAULT_SHARE * n_citations))
            if share is None
            else int(share * n_citations)
        )
        self.n_duplicates = 0
        """Attempts whose shard another run had committed in the meantime."""
        self.refused: list[SourceError] = []
        """Files that turned out to be unreadable after all."""
        self.failed: list[str] = []
        """Why shards could not be processed although no record of them is to blame, one line each."""

    def run(self, shards: Iterable[Shard]) -> None:
        """Process all shards; what has been committed stays so whatever happens.

        :raises JobError: when the run cannot go on.
        """
        try:
            self._run_together(deque(shards))
            self._run_suspects()
        except (Interrupted, Stalled, ClusterLost):
            for outcome in self._dispatcher.take_ended():
                if outcome.error is None:
                    self._publish(outcome.tag, outcome.result)
            raise

    def _run_together(self, pending: deque[Shard]) -> None:
        while pending or self._dispatcher.n_running:
            self._fill(pending)
            if not self._dispatcher.n_running:
                self._run_suspects()  # only there are some when nothing at all has worked so far
                continue
            outcome = self._dispatcher.wait()
            if outcome.error is None:
                self._fill(pending)  # first: a commit waits for the disk, the worker need not
                self._publish(outcome.tag, outcome.result)
            else:
                self._judge(outcome, pending)

    def _fill(self, pending: deque[Shard]) -> None:
        while pending and self._dispatcher.has_room and not self._is_doubtful:
            self._start(pending.popleft())

    @property
    def _is_doubtful(self) -> bool:
        """Whether shards fail and none has been committed: then look why before trying all the others."""
        return bool(self._suspects) and not self._n_committed

    def _run_suspects(self) -> None:
        while self._suspects:
            self._run_alone(self._suspects.pop(0))

    def _start(self, shard: Shard) -> None:
        """Submit a shard, unless its file was refused or another run has committed it."""
        if shard.source.sha256 in self._refused:
            return
        if (self._config.out / COMMITS / f"{shard.id}.json").is_file():
            self._listener.committed(shard.piece.n_records)
            return
        self._dispatcher.submit(shard, run_shard, self._task(shard))

    def _task(self, shard: Shard) -> ShardTask:
        return ShardTask(
            shard=shard.id,
            run_id=self._run_id,
            root=self._config.out.absolute(),
            path=shard.input.path,
            source=shard.source.name,
            format=shard.source.format,
            n_bytes=shard.source.n_bytes,
            mark=shard.input.mark,
            source_sha256=shard.source.sha256,
            piece=shard.piece,
            model=self._config.model,
            gate=self._config.gate,
            versions=own_versions(),
            carry=self._carry,
            shadow=self._shadow,
            shadow_share=self._config.shadow_share,
        )

    def _judge(self, outcome: Outcome[Shard], pending: deque[Shard]) -> None:
        """Decide what a failed attempt means: for the run, for the file, or for the shard."""
        shard, error = outcome.tag, outcome.error
        if isinstance(error, SourceError):
            self._refuse(shard, error)
            return
        if isinstance(error, _FATAL) and not self._is_passing(outcome):
            raise error
        if self._excuses(outcome):
            pending.append(shard)
            return
        self._attempts[shard.id] += 1
        if self._attempts[shard.id] < TRIES:
            # While nothing at all has worked, stay with this one: it may be the program that fails.
            (pending.append if self._n_committed else pending.appendleft)(shard)
        else:
            self._suspects.append(shard)

    def _excuses(self, outcome: Outcome[Shard]) -> bool:
        """Whether an attempt failed because its worker's host went away, or a store did not answer it: that
        says nothing of the shard."""
        lost = outcome.lost or self._is_passing(outcome)
        self._excused[outcome.tag.id] += lost
        return lost and self._excused[outcome.tag.id] <= EXCUSES

    def _is_passing(self, outcome: Outcome[Shard]) -> bool:
        """Whether a store did not answer, which may be over when the shard is tried again."""
        error = outcome.error
        unanswered = isinstance(error, StoreError) and not isinstance(error, StoreRefused)
        return unanswered and self._excused[outcome.tag.id] < EXCUSES

    def _refuse(self, shard: Shard, error: SourceError) -> None:
        if shard.source.sha256 not in self._refused:
            self._refused.add(shard.source.sha256)
            self.refused.append(error)
            self._listener.note(f"refused: {error}")

    def _publish(self, shard: Shard, receipt: Receipt) -> None:
        """Commit a shard.

        :raises TooManyQuarantined: when it brings more quarantined citations than the run may have.
        """
        if receipt.n_citations + receipt.n_deletions != shard.piece.n_records:
            raise ProgramFault(
                "fates do not add up to the records read",
                f"{shard.source.name}, records from {shard.piece.first_position} on",
                f"{dict(receipt.fates)} and {receipt.n_deletions} deletions",
                f"{shard.piece.n_records} records",
                "nothing of this shard is committed; report it",
            )
        attempts = self._attempts[shard.id] + 1
        record = publish(self._config.out, shard, receipt, run_id=self._run_id, attempts=attempts)
        self._listener.committed(shard.piece.n_records)
        self._n_committed += 1
        if record is None:
            self.n_duplicates += 1
            return
        self._on_commit(record)
        if receipt.note and receipt.note not in self._noted:
            self._noted.add(receipt.note)
            self._listener.note(f"a worker has weights of its own: {receipt.note}")
        self._n_quarantined += receipt.fates.get("quarantined", 0)
        if self._n_quarantined > self._allowance:
            raise self._too_many(self._n_quarantined, "see their reasons with `extract status`")

    def _too_many(self, count: int, advice: str) -> TooManyQuarantined:
        return TooManyQuarantined(
            "too many citations quarantined",
            str(self._config.out),
            str(count),
            f"at most {self._allowance}",
            f"{advice}, or raise --max-quarantine",
        )

    def _run_alone(self, shard: Shard) -> None:
        """Process a shard that failed repeatedly: with nothing beside it, then without its poison."""
        self._listener.note(f"shard {shard.id[:8]} failed {TRIES} times; trying it alone")
        task = self._task(shard)
        outcome = self._try(shard, task)
        poison: dict[int, str] = {}
        if outcome.error is not None and not isinstance(outcome.error, SourceError):
            poison = self._find_poison(shard)
            outcome = self._try(shard, task, skip=tuple(sorted(poison.items())))
        if outcome.error is None:
            for position, reason in sorted(poison.items()):
                self._listener.note(f"quarantined record {position} of {shard.source.name}: {reason}")
            self._publish(shard, outcome.result)
        elif isinstance(outcome.error, SourceError):
            self._refuse(shard, outcome.error)
        else:
            self.failed.append(reason_of(outcome))
            self._listener.note(f"shard {shard.id[:8]} given up: {reason_of(outcome)}")

    def _find_poison(self, shard: Shard) -> dict[int, str]:
        """The records of a shard that fail by themselves, with the reason.

        :raises ProgramFault: when everything that was tried of the shard fails in the same manner.
        :raises TooManyQuarantined: when it has more of them than the run may still quarantine.
        """
        first, n_records = shard.piece.first_position, shard.piece.n_records
        reasons: list[str | None] = []

        def fails(low: int, high: int) -> str | None:
            reasons.append(self._probe(shard, low, high))
            return reasons[-1]

        allowed = self._allowance - self._n_quarantined
        poison = find_poison(fails, first, first + n_records, limit=allowed)
        kinds = {None if reason is None else reason.partition(":")[0] for reason in reasons}
        if None not in kinds and len(kinds) == 1 and len(poison) > 1:
            raise ProgramFault(
                "every citation fails alike, so that none is to blame",
                f"{shard.source.name}, records {first} to {first + n_records - 1}",
                str(reasons[-1]),
                advice="what is committed stays; look at the program, the model and the workers' memory, "
                "then run the same command again",
            )
        if len(poison) > allowed:
            count = self._n_quarantined + len(poison)
            raise self._too_many(count, f"{shard.source.name} has such as {next(iter(poison.values()))}")
        return poison

    def _probe(self, shard: Shard, low: int, high: int) -> str | None:
        outcome = self._try(shard, self._task(shard), only=(low, high))
        return None if outcome.error is None else reason_of(outcome)

    def _try(
        self,
        shard: Shard,
        task: ShardTask,
        *,
        skip: tuple[tuple[int, str], ...] = (),
        only: tuple[int, int] | None = None,
    ) -> Outcome[Shard]:
        """Run one attempt with nothing else on the cluster."""
        self._attempts[shard.id] += only is None
        small = dataclasses.replace(task, skip=skip, only=only, chunk=CHUNK_ALONE)
        self._dispatcher.submit(shard, run_shard, small)
        outcome = self._dispatcher.wait()
        while self._excuses(outcome):
            self._dispatcher.submit(shard, run_shard, small)
            outcome = self._dispatcher.wait()
        if isinstance(outcome.error, _FATAL) and not isinstance(outcome.error, SourceError):
            raise outcome.error
        return outcome


def reason_of(outcome: Outcome[Shard]) -> str:
    """Why an attempt failed, as a citation's reason."""
    if outcome.killed:
        return f"{KILLS_WORKER}: the worker process died on it"
    return f"{type(outcome.error).__name__}: {outcome.error}"[:500]
