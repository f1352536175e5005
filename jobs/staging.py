"""Responsible for a worker's files: named for this attempt alone, synced, read back and checked."""

from __future__ import annotations

import hashlib
from functools import partial

import pyarrow as pa

from extract.commits import DataFile
from extract.place import Place
from extract.table import digest_rows, parse_table, write_table
from jobs.errors import OutputBroken
from jobs.layout import data_file_name
from jobs.store import store_of


def stage_table(
    root: Place, table: pa.Table, *, kind: str, shard: str, attempt: str, run_id: str
) -> DataFile:
    """Write a table as a data file of an attempt, and vouch for it.

    :raises OutputBroken: when the disk is full or fails, or does not give back what was written.
    """
    name = data_file_name(shard, attempt)
    data = store_of(root).stage(run_id, kind, name, partial(write_table, table), shard=shard)
    if not parse_table(data, name).equals(table):
        raise OutputBroken("staged file reads back differently", kind, advice="check the disk")
    return DataFile(
        kind=kind,
        name=name,
        n_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        n_rows=table.num_rows,
        digest=digest_rows(table),
    )
