"""Responsible for a worker's files: named for this attempt alone, synced, read back and checked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa

from extract.commits import DataFile
from extract.table import digest_rows, read_table, write_table
from jobs.durable import create_file, writing
from jobs.errors import OutputBroken
from jobs.faults import fault_point
from jobs.layout import data_file_name, staging_path


def stage_table(root: Path, table: pa.Table, *, kind: str, shard: str, attempt: str, run_id: str) -> DataFile:
    """Write a table into the run's staging folder and vouch for it.

    :raises OutputBroken: when the disk is full or fails, or does not give back what was written.
    """
    name = data_file_name(shard, attempt)
    path = staging_path(root, run_id, kind, name)
    with writing(path):
        with create_file(path) as stream:
            write_table(table, stream)
            fault_point("shard.written", shard)
        data = path.read_bytes()
    if not read_table(path).equals(table):
        raise OutputBroken("staged file reads back differently", kind, advice="check the disk")
    return DataFile(
        kind=kind,
        name=name,
        n_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        n_rows=table.num_rows,
        digest=digest_rows(table),
    )
