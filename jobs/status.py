"""Responsible for telling how far an output is, without writing to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from extract.commits import (
    CommitRecord,
    SettingsRecord,
    read_commits,
    read_settings,
    read_sources,
    require_output,
    shard_id,
)
from extract.live import DELETED, SUPERSEDED, LiveShard, live_shards, resolve_rows
from extract.place import Place
from extract.table import read_table
from jobs.plan import find_gaps
from jobs.runs import is_alive, list_runs, read_metrics

SHOWN_QUARANTINED = 20


@dataclass(frozen=True)
class Quarantined:
    """A citation that could not be used."""

    source: str
    position: int
    doc_id: str
    reason: str


@dataclass(frozen=True)
class Refused:
    """An input file of which nothing was taken in."""

    file: str
    reason: str
    """A code of :mod:`extract.reasons`."""
    detail: str


@dataclass(frozen=True)
class Status:
    """How far an output is."""

    n_sources: int
    n_shards: int
    """Shards of the files taken in, under the settings in force."""
    n_shards_done: int
    n_citations_pending: int
    """Records in shards that are not done."""
    n_citations_stale: int
    """Citations in the view that were made with other settings than those in force."""
    fates: dict[str, int]
    """Every citation in committed shards by what became of it, replaced and deleted ones included."""
    quarantined: tuple[Quarantined, ...]
    """The first of them."""
    gaps: tuple[str, ...]
    refused: tuple[Refused, ...]
    """Input files that the last run to come to its end refused. They are not among the sources."""
    settings: dict[str, str]
    runs: tuple[str, ...]
    runs_alive: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "sources": self.n_sources,
            "shards": self.n_shards,
            "shards_done": self.n_shards_done,
            "shards_pending": self.n_shards - self.n_shards_done,
            "citations": sum(self.fates.values()),
            "citations_pending": self.n_citations_pending,
            "citations_stale": self.n_citations_stale,
            "fates": self.fates,
            "quarantined": self.fates.get("quarantined", 0),
            "quarantined_first": [
                {"source": row.source, "position": row.position, "doc_id": row.doc_id, "reason": row.reason}
                for row in self.quarantined
            ],
            "gaps": list(self.gaps),
            "refused": [asdict(refused) for refused in self.refused],
            "settings": self.settings,
            "runs": list(self.runs),
            "runs_alive": list(self.runs_alive),
        }


def read_status(root: Place) -> Status:
    """How far an output is.

    :raises OutputError: when the folder is no output, or damaged.
    """
    require_output(root)
    commits, sources, settings = read_commits(root), read_sources(root), read_settings(root)
    shards = live_shards(commits.values(), sources, settings)
    in_force = settings[-1] if settings else SettingsRecord(0, "", {})
    newest = {source.identity: source for source in sorted(sources, key=lambda source: source.revision)}
    wanted = {
        shard_id(source.sha256, piece.first_position, piece.n_records, in_force.digest): piece.n_records
        for source in newest.values()
        for piece in source.slices
    }
    runs = list_runs(root)
    return Status(
        n_sources=len(newest),
        n_shards=len(wanted),
        n_shards_done=len(wanted.keys() & commits.keys()),
        n_citations_pending=sum(count for shard, count in wanted.items() if shard not in commits),
        n_citations_stale=sum(s.commit.n_citations for s in shards if s.commit.settings != in_force.digest),
        fates=_count_fates(root, shards),
        quarantined=_first_quarantined(root, shards),
        gaps=tuple(find_gaps(sources)),
        refused=_last_refused(root, runs),
        settings=dict(in_force.values),
        runs=tuple(runs),
        runs_alive=tuple(run for run in runs if is_alive(root, run)),
    )


def _last_refused(root: Place, runs: Sequence[str]) -> tuple[Refused, ...]:
    """What the last run refused that lived to tell; every run looks at refused files again."""
    metrics = next(filter(None, (read_metrics(root, run) for run in reversed(runs))), {})
    return tuple(
        Refused(str(row.get("file", "")), str(row.get("reason", "")), str(row.get("detail", "")))
        for row in metrics.get("refused", ())
    )


def _count_fates(root: Place, shards: tuple[LiveShard, ...]) -> dict[str, int]:
    """Fates as the shards gave them; those of replaced and deleted records are looked up and moved."""
    rows = resolve_rows(root, shards)
    fates: Counter[str] = Counter()
    for shard, states in zip(rows.shards, rows.states, strict=True):
        fates.update(shard.commit.fates)
        gone = np.flatnonzero(states)
        file = shard.commit.file("citations")
        if len(gone) and file is not None:
            own = read_table(root / "citations" / file.name, ["fate"])["fate"].take(gone).to_pylist()
            fates.subtract(own)
            fates["superseded"] += int((states == SUPERSEDED).sum())
            fates["deleted"] += int((states == DELETED).sum())
    return {fate: count for fate, count in sorted(fates.items()) if count}


def _first_quarantined(root: Place, shards: tuple[LiveShard, ...]) -> tuple[Quarantined, ...]:
    found: list[Quarantined] = []
    for shard in shards:
        if len(found) >= SHOWN_QUARANTINED:
            break
        found.extend(_quarantined_in(root, shard.commit))
    return tuple(found[:SHOWN_QUARANTINED])


def _quarantined_in(root: Place, commit: CommitRecord) -> list[Quarantined]:
    file = commit.file("citations")
    if file is None or not commit.fates.get("quarantined"):
        return []
    table = read_table(root / "citations" / file.name, ["source", "position", "doc_id", "reason", "fate"])
    return [
        Quarantined(row["source"], row["position"], row["doc_id"], row["reason"] or "")
        for row in table.to_pylist()
        if row["fate"] == "quarantined"
    ]
