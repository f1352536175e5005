"""Responsible for which rows of an output count: the latest record of every citation, deletions applied.

The answer depends on the input files alone, never on when or in which order they were processed:

- A numbered MEDLINE file comes after every file with a lower year or number, and its record of a citation
  replaces theirs whole. Unnumbered files come before numbered ones, by name.
- Within a file the higher PubMed version wins, then the later position.
- ``DeleteCitation`` removes that version of the citation from its own file and all earlier ones; a later
  file may bring it back.
- A new content of a known file replaces the old one, once all of it is committed.
- Documents without PMID are the same only when both file and id are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from extract.commits import CommitRecord, SettingsRecord, SourceRecord
from extract.place import Place, spread
from extract.table import read_table

Int64s = npt.NDArray[np.int64]

KEPT, SUPERSEDED, DELETED = 0, 1, 2
"""What became of a record: its own fate stands, a later record replaced it, or it was deleted."""


@dataclass(frozen=True)
class LiveShard:
    """A committed shard that counts."""

    commit: CommitRecord
    source: SourceRecord


@dataclass(frozen=True)
class LiveRows:
    """Which records of the live shards count."""

    shards: tuple[LiveShard, ...]
    """Oldest file first, then by position."""
    states: tuple[npt.NDArray[np.int8], ...]
    """For each shard, :data:`KEPT`, :data:`SUPERSEDED` or :data:`DELETED` of every row of its citations."""
    positions: tuple[Int64s, ...]
    """For each shard, the position in the source file of every row of its citations."""


def live_sources(
    sources: Iterable[SourceRecord], slices_done: Mapping[str, set[int]]
) -> dict[str, SourceRecord]:
    """The revision in force of every input file: the newest finished one, else the first.

    :param slices_done: first positions of the committed slices of each source, by its SHA-256.
    """
    chosen: dict[str, SourceRecord] = {}
    for source in sorted(sources, key=lambda source: (source.identity, source.revision)):
        wanted = {piece.first_position for piece in source.slices}
        finished = wanted <= slices_done.get(source.sha256, set())
        if source.identity not in chosen or finished:
            chosen[source.identity] = source
    return chosen


def live_shards(
    commits: Iterable[CommitRecord],
    sources: Iterable[SourceRecord],
    settings: Sequence[SettingsRecord],
) -> tuple[LiveShard, ...]:
    """The committed shards that count, oldest file first, then by position."""
    generation = {record.digest: record.number for record in settings}
    newest: dict[tuple[str, int], CommitRecord] = {}
    for commit in commits:
        place = (commit.source_sha256, commit.first_position)
        if place not in newest or generation.get(commit.settings, 0) > generation.get(
            newest[place].settings, 0
        ):
            newest[place] = commit
    done: dict[str, set[int]] = {}
    for sha256, first in newest:
        done.setdefault(sha256, set()).add(first)
    # The same content under two names counts once, under the name that sorts last.
    by_content = {source.sha256: source for source in sorted(_in_force(sources, done), key=_order)}
    return tuple(
        LiveShard(newest[source.sha256, first], source)
        for source in sorted(by_content.values(), key=_order)
        for first in sorted(done.get(source.sha256, ()))
    )


def _in_force(sources: Iterable[SourceRecord], done: Mapping[str, set[int]]) -> list[SourceRecord]:
    return list(live_sources(sources, done).values())


def _order(source: SourceRecord) -> tuple[int, int, str, str]:
    return source.order


def resolve_rows(root: Place, shards: Sequence[LiveShard]) -> LiveRows:
    """Decide which records count, by reading the key columns of every shard.

    :raises OutputError: when a data file is missing or damaged.
    """
    ranks = _ranks(shards)
    keys = spread(root, lambda shard: _read_keys(root, shard), shards)
    deletions = spread(
        root,
        lambda ranked: _read_deletions(root, ranked[0].commit, ranked[1]),
        zip(shards, ranks, strict=True),
    )
    sizes = [len(key.position) for key in keys]
    states = find_states(
        identity=_join([key.identity for key in keys]),
        version=_join([key.version for key in keys]),
        rank=np.repeat(np.array(ranks, np.int64), sizes),
        deleted=_join(deletions).reshape(-1, 3),
    )
    ends = np.cumsum(sizes)
    return LiveRows(
        shards=tuple(shards),
        states=tuple(np.split(states, ends[:-1])) if shards else (),
        positions=tuple(key.position for key in keys),
    )


def find_states(*, identity: Int64s, version: Int64s, rank: Int64s, deleted: Int64s) -> npt.NDArray[np.int8]:
    """What became of every record.

    :param identity: who the record is about. *Shape:* ``(records,)``, in order of file, then position.
    :param version: PubMed version of the record.
    :param rank: order of the record's file, ascending.
    :param deleted: orders to delete, as rows of PMID, version and rank of the file. *Shape:* ``(orders, 3)``
    """
    states = np.zeros(len(identity), np.int8)
    if not len(identity):
        return states
    order = np.argsort(identity, kind="stable")
    grouped, versions = identity[order], version[order]
    same_as_next = grouped[1:] == grouped[:-1]
    states[order[:-1][same_as_next]] = (
        SUPERSEDED  # right where a group knows but one version, as nearly all do
    )
    mixed = grouped[1:][same_as_next & (versions[1:] != versions[:-1])]
    orders: dict[tuple[int, int], int] = {}
    for pmid, order_version, order_rank in deleted.tolist():
        orders[pmid, order_version] = max(order_rank, orders.get((pmid, order_version), -1))
    rest = order[np.isin(grouped, np.union1d(mixed, deleted[:, 0]))]
    for group in np.split(rest, np.flatnonzero(np.diff(identity[rest])) + 1):
        _settle(group, states, identity, version, rank, orders)
    return states


def _settle(
    group: Int64s,
    states: npt.NDArray[np.int8],
    identity: Int64s,
    version: Int64s,
    rank: Int64s,
    orders: Mapping[tuple[int, int], int],
) -> None:
    """Set the states of the records about one citation; ``group`` holds them oldest first."""
    latest: dict[int, int] = {}
    for row in group.tolist():
        states[row] = SUPERSEDED
        latest[int(version[row])] = row
    for row_version, row in latest.items():
        if orders.get((int(identity[row]), row_version), -1) >= rank[row]:
            states[row] = DELETED
    alive = [row for row in latest.values() if states[row] != DELETED]
    if alive:
        states[max(alive, key=lambda row: (rank[row], version[row], row))] = KEPT


@dataclass(frozen=True)
class _Keys:
    identity: Int64s
    version: Int64s
    position: Int64s


def _read_keys(root: Place, shard: LiveShard) -> _Keys:
    file = shard.commit.file("citations")
    if file is None:
        none = np.zeros(0, np.int64)
        return _Keys(none, none, none)
    columns = ["pmid", "doc_id", "pmid_version", "position", "fate"]
    table = read_table(root / "citations" / file.name, columns)
    identity = table["pmid"].fill_null(0).to_numpy().astype(np.int64)
    for row in np.flatnonzero(identity == 0).tolist():
        identity[row] = _document_identity(shard.source.identity, table, row)
    return _Keys(
        identity,
        table["pmid_version"].to_numpy().astype(np.int64),
        table["position"].to_numpy().astype(np.int64),
    )


def _document_identity(source_identity: str, table: pa.Table, row: int) -> int:
    """A negative number for a document without PMID; a quarantined one is only like itself."""
    doc_id = table["doc_id"][row].as_py()
    if table["fate"][row].as_py() == "quarantined":
        doc_id = f"\0{table['position'][row].as_py()}"
    digest = hashlib.blake2b(f"{source_identity}\0{doc_id}".encode("utf-8", "surrogatepass"), digest_size=8)
    return -1 - (int.from_bytes(digest.digest(), "big") >> 1)


def _read_deletions(root: Place, commit: CommitRecord, rank: int) -> Int64s:
    file = commit.file("deletions")
    if file is None:
        return np.zeros(0, np.int64)
    table = read_table(root / "deletions" / file.name, ["pmid", "pmid_version"])
    rows = np.empty((table.num_rows, 3), np.int64)
    rows[:, 0], rows[:, 1], rows[:, 2] = table["pmid"].to_numpy(), table["pmid_version"].to_numpy(), rank
    return rows.reshape(-1)


def _ranks(shards: Sequence[LiveShard]) -> list[int]:
    ranks: dict[str, int] = {}
    return [ranks.setdefault(shard.source.sha256, len(ranks)) for shard in shards]


def _join(arrays: Sequence[Int64s]) -> Int64s:
    return np.concatenate([np.zeros(0, np.int64), *arrays])
