"""Responsible for the read side of an output folder: the live view and the history behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from extract.commits import (
    RUNS,
    CommitRecord,
    DataFile,
    SettingsRecord,
    SourceRecord,
    read_commits,
    read_settings,
    read_sources,
    require_output,
)
from extract.errors import NotAnOutput, OutputError
from extract.live import DELETED, KEPT, SUPERSEDED, LiveRows, live_shards, resolve_rows
from extract.place import ObjectPlace, Place, arrow_filesystem, arrow_path, find_sizes, parse_place
from extract.table import SCHEMAS, read_table

_REPAIR = "`extract verify --repair` withdraws it, and the next run does it again"

FILE_NUMBER = "_file"
"""Column that datasets add: the number of a data file that holds replaced rows, -1 for all others."""


@dataclass(frozen=True)
class Output:
    """An output folder as it stands: the latest record of every citation, deletions applied."""

    path: Place
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


def open_output(path: str | Path | ObjectPlace, *, as_of: str | None = None) -> Output:
    """The live view of an output; reads, never writes.

    :param path: a folder, or the URL of one in an object store.
    :param as_of: the id of a run: show the output as that run left it. A shard that was broken and done again
        counts from the run that did it again.
    :raises NotAnOutput: when the folder is no output, or there was no such run.
    :raises OutputError: when a record or data file of it is damaged or gone.
    """
    root = parse_place(path)
    require_output(root)
    if as_of is not None and not _is_run(root, as_of):
        raise NotAnOutput("no such run", str(root), repr(as_of), "a run id", "see them with `extract report`")
    commits = read_commits(root).values()  # first: what they need was registered before them
    sources, settings = read_sources(root), read_settings(root)
    _require_registered(commits, sources, settings)
    shards = live_shards(
        [commit for commit in commits if as_of is None or commit.run_id <= as_of],
        [source for source in sources if as_of is None or source.run_id <= as_of],
        settings,
    )
    rows = resolve_rows(root, shards)
    return Output(
        path=root,
        entities=_open_dataset(root, "entities", rows),
        endpoints=_open_dataset(root, "endpoints", rows),
        citations=_open_dataset(root, "citations", rows),
        rows=rows,
    )


def _is_run(root: Place, run_id: str) -> bool:
    return Path(run_id).name == run_id and (root / RUNS / run_id / "run.json").is_file()


def _require_registered(
    commits: Collection[CommitRecord],
    sources: Collection[SourceRecord],
    settings: Collection[SettingsRecord],
) -> None:
    """
    :raises OutputError: when what a shard was made of or with is not known: the view would lack it.
    """
    known_sources = {source.sha256 for source in sources}
    known_settings = {record.digest for record in settings}
    for commit in commits:
        for what, is_known in (
            ("source", commit.source_sha256 in known_sources),
            ("settings", commit.settings in known_settings),
        ):
            if not is_known:
                advice = "restore the folder from a copy, or find all that is broken with `extract verify`"
                raise OutputError(f"record of the {what} is missing", f"shard {commit.shard}", advice=advice)


def _check_size(file: DataFile, n_bytes: int | OSError) -> None:
    """
    :raises OutputError: when a data file is not there, or not as long as it was.
    """
    if isinstance(n_bytes, OSError):
        got = n_bytes.strerror or str(n_bytes)
        where = f"{file.kind}/{file.name}"
        raise OutputError("data file is missing", where, got, advice=_REPAIR) from n_bytes
    if n_bytes != file.n_bytes:
        where, expected = f"{file.kind}/{file.name}", f"{file.n_bytes} bytes"
        raise OutputError("data file has another size", where, f"{n_bytes}", expected, _REPAIR)


def _open_dataset(root: Place, kind: str, rows: LiveRows) -> ds.Dataset:
    """A dataset over the data files of one kind that hides the rows of replaced records.

    Files without such rows share the number -1, so that the filter costs them nothing.
    """
    files: list[DataFile] = []
    numbers: list[int] = []
    hidden: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for shard, states, positions in zip(rows.shards, rows.states, rows.positions, strict=True):
        file = shard.commit.file(kind)
        gone = positions[states != KEPT]
        if file is None or (len(gone) and len(gone) == len(positions)):
            continue
        files.append(file)
        numbers.append(len(hidden) if len(gone) else -1)
        if len(gone):
            hidden.append((len(hidden) << 32) + gone)
    sizes = find_sizes(root / kind, [file.name for file in files])
    for file in files:
        _check_size(file, sizes[file.name])
    return _filtered(root, kind, files, numbers, hidden)


def _filtered(
    root: Place,
    kind: str,
    files: Sequence[DataFile],
    numbers: Sequence[int],
    hidden: Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]],
) -> ds.Dataset:
    options = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    number = ds.field(FILE_NUMBER)
    dataset = ds.FileSystemDataset.from_paths(
        [arrow_path(root / kind / file.name) for file in files],
        schema=SCHEMAS[kind].append(pa.field(FILE_NUMBER, pa.int32())),
        format=ds.ParquetFileFormat(default_fragment_scan_options=options),
        filesystem=arrow_filesystem(root),
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
