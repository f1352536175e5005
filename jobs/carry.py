"""Responsible for carrying results over: text tagged before with the same settings is not tagged again.

The driver writes an index of everything committed under the settings in force: sorted content keys, and where
the rows of each lie. Workers map it into memory, so that all workers of a machine share one copy. It is a
cache: it may be removed at any time, and then costs one rebuild.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from extract.commits import CommitRecord
from extract.errors import OutputError
from extract.place import Place
from extract.table import read_table
from jobs.durable import make_folder, writing
from jobs.layout import CACHE, final_path
from jobs.rows import CitationRow, Origin

_PREFIX = "carry-"
_COUNTS = ["position", "n_sentences", "n_gated_out", "n_tokens", "n_entities"]
_PLACES = np.dtype([(name, np.int32) for name in ("shard", *_COUNTS)])

Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class CarryIndex:
    """Where the rows for a content lie. Arrays are parallel and sorted by ``high``."""

    shards: tuple[str, ...]
    """Ids of the shards that are covered."""
    entities: tuple[str, ...]
    """File name of each shard's entities."""
    high: Keys
    """First half of each content key."""
    low: Keys
    """Second half."""
    places: npt.NDArray[np.void]
    """Shard, position in its source file, and the counts of the citation's row."""

    def find(self, keys: Sequence[bytes]) -> npt.NDArray[np.int64]:
        """For each content key the index of its entry, -1 for one that is not known."""
        halves = np.frombuffer(b"".join(keys), ">u8").reshape(-1, 2).astype(np.uint64)
        found = np.full(len(halves), -1, np.int64)
        if not len(self.high):
            return found
        start = np.searchsorted(self.high, halves[:, 0])
        # Equal first halves are as good as impossible, so one look past the first is plenty.
        for step in (0, 1):
            entry = np.minimum(start + step, len(self.high) - 1)
            same = (self.high[entry] == halves[:, 0]) & (self.low[entry] == halves[:, 1])
            found = np.where((found < 0) & same, entry, found)
        return found


def refresh_index(root: Place, commits: Mapping[str, CommitRecord], settings: str) -> Path | None:
    """The folder of an index over all shards committed under some settings; None when there are none.

    None too where the output lies in a store: workers map the index into memory, so it must be a file. Texts
    that are known are then tagged again, which costs time and changes nothing.

    The last index is extended by what is new since; it is rebuilt only when it covers what is gone.
    """
    wanted = {shard: commit for shard, commit in commits.items() if commit.settings == settings}
    if not wanted or not isinstance(root, Path):
        return None
    folders = sorted((root / CACHE).glob(f"{_PREFIX}*"))
    base = _empty()
    for folder in folders:
        index = _open(folder)
        if index is not None and set(index.shards) == set(wanted):
            return folder
        if index is not None and set(index.shards) < set(wanted) and len(index.shards) > len(base.shards):
            base = index
    new = [commit for shard, commit in wanted.items() if shard not in set(base.shards)]
    written = _write(root, _extended(root, base, new))
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)  # a worker that has it open keeps it; another does without
    return written


@lru_cache(maxsize=1)
def open_index(folder: Path) -> CarryIndex:
    """The index in this process; an empty one when it is gone."""
    return _open(folder) or _empty()


def carry_entities(
    root: Place, index: CarryIndex, hits: Sequence[tuple[CitationRow, int]], origin: Origin
) -> pa.Table | None:
    """Entity rows of known contents, as rows of the citations that have these contents now.

    :param hits: the row of each citation, and the entry of its content in the index.
    :raises OutputError: when the rows cannot be read.
    """
    by_shard: dict[int, list[tuple[CitationRow, int]]] = {}
    for row, entry in hits:
        if index.places["n_entities"][entry]:
            by_shard.setdefault(int(index.places["shard"][entry]), []).append((row, entry))
    tables = [
        _copied(
            read_table(final_path(root, "entities", index.entities[shard])),
            index.places[[entry for _, entry in of_shard]],
            [row for row, _ in of_shard],
            origin,
        )
        for shard, of_shard in by_shard.items()
    ]
    return pa.concat_tables(tables) if tables else None


def _copied(
    old: pa.Table, places: npt.NDArray[np.void], rows: Sequence[CitationRow], origin: Origin
) -> pa.Table:
    """The rows of ``old`` at some places, as rows of other citations; vectorised, for there can be many."""
    positions = old["position"].to_numpy()  # ascending, as written
    start = np.searchsorted(positions, places["position"])
    counts = np.searchsorted(positions, places["position"], side="right") - start
    if (counts != places["n_entities"]).any():
        raise OutputError("entities of a known content are gone", advice="check with `extract verify`")
    first = np.repeat(start - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
    table = old.take(first + np.arange(len(first)))
    owner = np.repeat(np.arange(len(rows)), counts)
    columns = {
        "pmid": [row.pmid for row in rows],
        "doc_id": [row.doc_id for row in rows],
        "pmid_version": [row.pmid_version for row in rows],
        "position": [row.position for row in rows],
        "source": [origin.source] * len(rows),
        "run_id": [origin.run_id] * len(rows),
    }
    for name, values in columns.items():
        field = table.schema.field(name)
        column = pa.array(values, field.type).take(owner)
        table = table.set_column(table.schema.get_field_index(name), field, column)
    return table


def _empty() -> CarryIndex:
    return CarryIndex((), (), np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, _PLACES))


def _extended(root: Path, base: CarryIndex, commits: Sequence[CommitRecord]) -> CarryIndex:
    keys, places = [np.stack([base.high, base.low], axis=1)], [np.asarray(base.places)]
    names = list(base.entities)
    for commit in commits:
        citations, entities = commit.file("citations"), commit.file("entities")
        if citations is None or entities is None:
            continue
        table = read_table(final_path(root, "citations", citations.name), ["content_key", "fate", *_COUNTS])
        table = table.filter(pc.is_in(table["fate"], pa.array(["extracted", "no_entities"])))
        rows = np.zeros(table.num_rows, _PLACES)
        rows["shard"] = len(names)
        for name in _COUNTS:
            rows[name] = table[name].to_numpy()
        names.append(entities.name)
        places.append(rows)
        joined = b"".join(table["content_key"].to_pylist())
        keys.append(np.frombuffer(joined, ">u8").reshape(-1, 2).astype(np.uint64))
    all_keys = np.concatenate(keys)
    order = np.argsort(all_keys[:, 0], kind="stable")
    shards = (*base.shards, *(commit.shard for commit in commits))
    return CarryIndex(
        shards, tuple(names), all_keys[order, 0], all_keys[order, 1], np.concatenate(places)[order]
    )


def _write(root: Path, index: CarryIndex) -> Path:
    """Write an index; it has its name only once it is whole. Not synced: a cache may be lost."""
    folder = root / CACHE / f"{_PREFIX}{uuid.uuid4().hex}"
    temporary = folder.with_name(f".{folder.name}")
    make_folder(temporary)
    with writing(temporary):
        for name, array in (("high", index.high), ("low", index.low), ("places", index.places)):
            np.save(temporary / f"{name}.npy", array)
        names = {"shards": index.shards, "entities": index.entities}
        (temporary / "names.json").write_text(json.dumps(names), encoding="utf-8")
        temporary.rename(folder)
    return folder


def _open(folder: Path) -> CarryIndex | None:
    try:
        names = json.loads((folder / "names.json").read_bytes())
        high, low, places = (
            np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in ("high", "low", "places")
        )
        return CarryIndex(tuple(names["shards"]), tuple(names["entities"]), high, low, places)
    except (OSError, ValueError, KeyError):
        return None
