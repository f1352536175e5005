"""Responsible for a trial: pieces of a sample as shards of a run, into a folder that is thrown away, timed.

The code that runs is that of a run (:class:`jobs.work.Work`): dispatch, shard, commit. So what a run loses
between shards is in the times too.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from extract.commits import CommitRecord, SourceRecord
from extract.remote import source_name, state_of
from jobs.config import JobConfig, Silence
from jobs.dispatch import Dispatcher
from jobs.errors import JobError
from jobs.plan import Input, Shard
from jobs.sample import Piece
from jobs.store import store_of
from jobs.work import Work

RUN_ID = "plan"


@dataclass(frozen=True)
class Trial:
    """What some shards took."""

    commits: tuple[CommitRecord, ...]
    wall_seconds: float
    """From the first submission to the last commit."""

    @property
    def n_records(self) -> int:
        return sum(commit.n_records for commit in self.commits)

    @property
    def busy_seconds(self) -> float:
        """Of the workers together."""
        return sum(commit.wall_seconds for commit in self.commits)


def run_trial(
    config: JobConfig, dispatcher: Dispatcher[Shard], pieces: Sequence[Piece], *, n_workers: int
) -> Trial:
    """Process pieces as shards of a run.

    :raises JobError: when the workers cannot do it.
    """
    store = store_of(config.out)
    store.make()
    store.begin(RUN_ID)
    commits: list[CommitRecord] = []
    work = Work(
        config,
        RUN_ID,
        dispatcher,
        listener=Silence(),
        on_commit=commits.append,
        n_citations=sum(piece.piece.n_records for piece in pieces),
        n_workers=n_workers,
        carry=None,
    )
    started = time.monotonic()
    work.run([_shard_of(piece) for piece in pieces])
    seconds = time.monotonic() - started
    if not commits:
        raise JobError("the sample cannot be measured", got="no shard of it came to an end")
    return Trial(tuple(commits), seconds)


def _shard_of(piece: Piece) -> Shard:
    file = piece.source
    source = SourceRecord(
        identity=str(piece.path),
        revision=1,
        name=source_name(piece.path),
        sha256=file.sha256,
        n_bytes=file.n_bytes,
        format=file.format,
        n_records=file.n_records,
        year=file.year,
        number=file.number,
        slices=(piece.piece,),
        run_id=RUN_ID,
    )
    # Its own id: a piece may be measured more than once.
    entry = Input(piece.path, source, state_of(piece.path)[1])
    return Shard(uuid.uuid4().hex, RUN_ID, entry, piece.piece)
