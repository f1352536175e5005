"""Tasks of the one shard of a small file."""

from __future__ import annotations

from pathlib import Path

from extract.place import Place
from extract.source import check_source
from jobs.model import ModelSource
from jobs.shard import ShardTask
from jobs.versions import own_versions


def make_task(path: Path, root: Place, run_id: str, model: ModelSource) -> ShardTask:
    """The task of a file that is one shard."""
    checked, state = check_source(path), path.stat()
    return ShardTask(
        shard="5" * 32,
        run_id=run_id,
        root=root,
        path=path,
        source=path.name,
        format=checked.format,
        n_bytes=state.st_size,
        mark=str(state.st_mtime_ns),
        source_sha256=checked.sha256,
        piece=checked.slices[0],
        model=model,
        gate=True,
        versions=own_versions(),
    )
