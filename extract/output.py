"""Responsible for the read side of an output folder: the live view and the history behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from pyarrow.fs import LocalFileSystem

from extract.commits import RUNS, read_commits, read_settings, read_sources, require_output
from extract.errors import NotAnOutput
from extract.live import DELETED, KEPT, SUPERSEDED, LiveRows, live_shards, resolve_rows
from extract.table import SCHEMAS, read_table

FILE_NUMBER = "_file"
"""Column that datasets add: the number of a data file that holds replaced rows, -1 for all others."""


@dataclass(frozen=True)
class Output:
    """An output folder as it stands: the latest record of every citation, deletions applied."""

    path: Path
    entities: ds.Dataset
    """Entities of live citations."""
    endpoints: ds.Dataset
    """Endpoint records of live citations; empty where the model's labels are not of endpoints."""
    citations: ds.Dataset
    """One row per live citation, with its fate."""
    rows: LiveRows
    """The shards behind the view, and what became of each of their records."""

    def __getitem__(self, name: str) -> ds.Dataset:
        return {"entities": self.entities, "endpoints": self.endpoints, "citations": self.citations}[name]

    def iter_history(self) -> Iterator[pa.Table]:
        """Every citation seen, a table a shard; replaced ones have the fate ``superseded`` or ``deleted``."""
        for shard, states in zip(self.rows.shards, self.rows.states, strict=True):
            file = shard.commit.file("citations")
            if file is not None:
                yield _with_final_fates(read_table(self.path / "citations" / file.name), states)

    def count_fates(self) -> Counter[str]:
        """How many citations seen ended in which fate."""
        fates: Counter[str] = Counter()
        for table in self.iter_history():
            fates.update(table["fate"].to_pylist())
        return fates


def open_output(path: str | Path, *, as_of: str | None = None) -> Output:
    """The live view of an output folder; reads, never writes.

    :param as_of: the id of a run: show the output as that run left it.
    :raises NotAnOutput: when the folder is no output, or there was no such run.
    :raises OutputError: when a record or data file of it is damaged.
    """
    root = Path(path)
    require_output(root)
    if as_of is not None and not (root / RUNS / as_of / "run.json").is_file():
        raise NotAnOutput("no such run", str(root), repr(as_of), "a run id", "see them with `extract report`")
    shards = live_shards(
        [commit for commit in read_commits(root).values() if as_of is None or commit.run_id <= as_of],
        [source for source in read_sources(root) if as_of is None or source.run_id <= as_of],
        read_settings(root),
    )
    rows = resolve_rows(root, shards)
    return Output(
        path=root,
        entities=_open_dataset(root, "entities", rows),
        endpoints=_open_dataset(root, "endpoints", rows),
        citations=_open_dataset(root, "citations", rows),
        rows=rows,
    )


def _open_dataset(root: Path, kind: str, rows: LiveRows) -> ds.Dataset:
    """A dataset over the data files of one kind that hides the rows of replaced records.

    Files without such rows share the number -1, so that the filter costs them nothing.
    """
    paths: list[str] = []
    numbers: list[int] = []
    hidden: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for shard, states, positions in zip(rows.shards, rows.states, rows.positions, strict=True):
        file = shard.commit.file(kind)
        gone = positions[states != KEPT]
        if file is None or (len(gone) and len(gone) == len(positions)):
            continue
        paths.append(str((root / kind / file.name).absolute()))
        numbers.append(len(hidden) if len(gone) else -1)
        if len(gone):
            hidden.append((len(hidden) << 32) + gone)
    return _filtered(kind, paths, numbers, hidden)


def _filtered(
    kind: str,
    paths: Sequence[str],
    numbers: Sequence[int],
    hidden: Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]],
) -> ds.Dataset:
    options = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    number = ds.field(FILE_NUMBER)
    dataset = ds.FileSystemDataset.from_paths(
        list(paths),
        schema=SCHEMAS[kind].append(pa.field(FILE_NUMBER, pa.int32())),
        format=ds.ParquetFileFormat(default_fragment_scan_options=options),
        filesystem=LocalFileSystem(),
        partitions=[number == pa.scalar(value, pa.int32()) for value in numbers],
    )
    if not hidden:
        return dataset
    key = number.cast(pa.int64()) * pa.scalar(1 << 32, pa.int64()) + ds.field("position").cast(pa.int64())
    return dataset.filter((number < 0) | ~key.isin(pa.array(np.concatenate(hidden), pa.int64())))


def _with_final_fates(table: pa.Table, states: np.ndarray[tuple[int], np.dtype[np.int8]]) -> pa.Table:
    names = {SUPERSEDED: "superseded", DELETED: "deleted"}
    fates = [
        names.get(state, fate) for state, fate in zip(states.tolist(), table["fate"].to_pylist(), strict=True)
    ]
    column = table.schema.get_field_index("fate")
    return table.set_column(column, table.schema.field("fate"), pa.array(fates, pa.string()))
