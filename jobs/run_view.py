"""Responsible for what the report page says about one run: read from its records and commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from extract.commits import COMMITS, CommitRecord
from extract.table import read_table
from jobs.drift import LabelLine, compare_labels, count_labels
from jobs.metrics import Tally
from jobs.runs import read_run

EARLIER_RUNS = 10
EXAMPLES = 5
_LONGEST_EXAMPLE = 160


@dataclass(frozen=True, slots=True)
class Reason:
    """Why citations were quarantined."""

    reason: str
    count: int
    examples: tuple[str, ...]
    """Source, position and id of some."""


@dataclass(frozen=True)
class RunView:
    """One run, as its page shows it."""

    run_id: str
    facts: dict[str, Any]
    """What the run noted when it began."""
    tally: Tally
    stage_seconds: dict[str, float]
    """CPU time by stage; empty where the shards did not note it."""
    reasons: tuple[Reason, ...]
    labels: tuple[LabelLine, ...]
    progress: tuple[tuple[float, int], ...]
    """Seconds since the first commit, and citations committed by then."""

    @property
    def alarms(self) -> list[LabelLine]:
        return [line for line in self.labels if line.alarm]


def read_run_view(root: Path, run_id: str, commits: Iterable[CommitRecord]) -> RunView:
    """Everything about one run.

    :param commits: all commits of the output.
    :raises OutputError: when a data file is missing or damaged.
    """
    by_run: dict[str, list[CommitRecord]] = {}
    for commit in commits:
        by_run.setdefault(commit.run_id, []).append(commit)
    mine = by_run.get(run_id, [])
    earlier = [run for run in sorted(by_run) if run < run_id][-EARLIER_RUNS:]
    tally = Tally()
    for commit in mine:
        tally.add(commit)
    return RunView(
        run_id=run_id,
        facts=read_run(root, run_id),
        tally=tally,
        stage_seconds=_stages(mine),
        reasons=tuple(_reasons(root, mine)),
        labels=tuple(
            compare_labels(count_labels(root, mine), [count_labels(root, by_run[run]) for run in earlier])
        ),
        progress=tuple(_progress(root, mine)),
    )


def _stages(commits: Sequence[CommitRecord]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for commit in commits:
        for stage, value in commit.stage_seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + value
    return seconds


def _reasons(root: Path, commits: Sequence[CommitRecord]) -> Iterable[Reason]:
    """Reasons for quarantine, most frequent first; the text before a colon is the reason."""
    found: dict[str, list[str]] = {}
    for commit in commits:
        file = commit.file("citations")
        if file is None or not commit.fates.get("quarantined"):
            continue
        table = read_table(root / "citations" / file.name, ["fate", "reason", "source", "position", "doc_id"])
        for row in table.filter(pc.field("fate") == "quarantined").to_pylist():
            reason, _, detail = (row["reason"] or "unknown").partition(":")
            example = f"{row['source']}, record {row['position']}, id {row['doc_id'] or '?'}:{detail}"
            found.setdefault(reason, []).append(example[:_LONGEST_EXAMPLE])
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Reason(reason, len(examples), tuple(examples[:EXAMPLES])) for reason, examples in ordered]


def _progress(root: Path, commits: Sequence[CommitRecord]) -> Iterable[tuple[float, int]]:
    """Citations over time, by the times at which the commit records appeared."""
    times = []
    for commit in commits:
        path = root / COMMITS / f"{commit.shard}.json"
        if path.exists():
            times.append((path.stat().st_mtime, commit.n_citations))
    total = 0
    for at, n_citations in sorted(times):
        total += n_citations
        yield at - min(times)[0], total
