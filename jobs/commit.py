"""Responsible for publishing finished shards: the only writer of final names.

Order of a commit: data files get their final names and those become durable; then the record is created
under a name that only one process can take. Whatever is not named by a record does not exist for readers.
"""

from __future__ import annotations

from extract.commits import COMMITS, CommitRecord, to_json
from extract.place import Place
from jobs.faults import fault_point
from jobs.plan import Shard
from jobs.receipt import Receipt
from jobs.store import store_of


def publish(
    root: Place, shard: Shard, receipt: Receipt, *, run_id: str, attempts: int
) -> CommitRecord | None:
    """Publish a shard; None when another process had already published it (its rows are the same).

    :raises OutputBroken: when the disk is full or fails, or a file is not as it was staged; nothing of the
        shard is visible then.
    """
    record = _record_of(shard, receipt, run_id=run_id, attempts=attempts)
    fault_point("commit.begin", shard.id)
    store = store_of(root)
    store.publish(run_id, record.files, shard=shard.id)
    if not store.put_new(f"{COMMITS}/{shard.id}.json", to_json(record), point="commit", shard=shard.id):
        store.discard(record.files)  # they are this attempt's own
        return None
    fault_point("commit.done", shard.id)
    return record


def _record_of(shard: Shard, receipt: Receipt, *, run_id: str, attempts: int) -> CommitRecord:
    return CommitRecord(
        shard=shard.id,
        settings=shard.settings,
        source_sha256=shard.source.sha256,
        first_position=shard.piece.first_position,
        n_records=shard.piece.n_records,
        run_id=run_id,
        attempt=receipt.attempt,
        attempts=attempts,
        files=receipt.files,
        fates=dict(receipt.fates),
        n_deletions=receipt.n_deletions,
        n_sentences=receipt.n_sentences,
        n_gated_out=receipt.n_gated_out,
        n_tokens=receipt.n_tokens,
        n_entities=receipt.n_entities,
        n_carried=receipt.n_carried,
        cpu_seconds=receipt.cpu_seconds,
        wall_seconds=receipt.wall_seconds,
        peak_rss_bytes=receipt.peak_rss_bytes,
        worker=receipt.worker,
        cpu=receipt.cpu,
        stage_seconds={stage: round(seconds, 4) for stage, seconds in receipt.stage_seconds.items()},
        audit=dict(receipt.audit),
        evidence=dict(receipt.evidence),
        shadow=receipt.shadow,
        computed=dict(receipt.computed),
        process=dict(receipt.process),
    )


def withdraw(root: Place, shard: str) -> None:
    """Take back a shard whose files are damaged or gone, so that the next run does it again."""
    store_of(root).remove(f"{COMMITS}/{shard}.json")
