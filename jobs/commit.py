"""Responsible for publishing finished shards: the only writer of final names.

Order of a commit: data files get their final names and those become durable; then the record is created
under a name that only one process can take. Whatever is not named by a record does not exist for readers.
"""

from __future__ import annotations

from pathlib import Path

from extract.commits import COMMITS, CommitRecord, DataFile, to_json
from jobs.durable import put_new, sync_folder, writing
from jobs.errors import OutputBroken
from jobs.faults import fault_point
from jobs.layout import final_path, staging_path
from jobs.plan import Shard
from jobs.receipt import Receipt


def publish(root: Path, shard: Shard, receipt: Receipt, *, run_id: str, attempts: int) -> CommitRecord | None:
    """Publish a shard; None when another process had already published it (its rows are the same).

    :raises OutputBroken: when the disk is full or fails; nothing of the shard is visible then.
    """
    record = _record_of(shard, receipt, run_id=run_id, attempts=attempts)
    fault_point("commit.begin", shard.id)
    with writing(root):
        for file in record.files:
            staged = staging_path(root, run_id, file.kind, file.name)
            if staged.stat().st_size != file.n_bytes:
                raise OutputBroken("staged file changed its size", file.name, advice="run again to continue")
            staged.rename(final_path(root, file.kind, file.name))
            fault_point("commit.renamed", shard.id)
        for kind in sorted({file.kind for file in record.files}):
            sync_folder(root / kind)
            fault_point("commit.synced", shard.id)
    won = put_new(root / COMMITS / f"{shard.id}.json", to_json(record), point="commit", shard=shard.id)
    if not won:
        _remove(root, record)
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


def _remove(root: Path, record: CommitRecord) -> None:
    """Delete the files of a commit that came second; they are this attempt's own."""
    with writing(root):
        for file in record.files:
            final_path(root, file.kind, file.name).unlink(missing_ok=True)


def has_size(path: Path, file: DataFile) -> bool:
    """Whether a data file is there and as long as it was when it was committed."""
    try:
        return path.stat().st_size == file.n_bytes
    except OSError:
        return False


def withdraw(root: Path, shard: str) -> None:
    """Take back a shard whose files are damaged or gone, so that the next run does it again."""
    with writing(root):
        (root / COMMITS / f"{shard}.json").unlink(missing_ok=True)
        sync_folder(root / COMMITS)
