"""Responsible for what the report says about one run: read from its records and commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow.compute as pc

from extract.commits import CommitRecord, commit_paths
from extract.evidence import clean_text
from extract.place import Place
from extract.table import read_table
from jobs.drift import LabelLine, compare_labels, count_labels
from jobs.flagged import FlagCounts, count_flags
from jobs.metrics import Tally
from jobs.runs import read_metrics, read_run

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


@dataclass(frozen=True, slots=True)
class Span:
    """A shard in time, as its commit record tells."""

    begin: float
    """Seconds from the first shard's begin on."""
    end: float
    n_citations: int


@dataclass(frozen=True)
class RunView:
    """One run, as its report shows it."""

    run_id: str
    facts: Mapping[str, Any]
    """What the run noted when it began."""
    tally: Tally
    stage_seconds: Mapping[str, float]
    """CPU time by stage; empty where the shards did not note it."""
    reasons: tuple[Reason, ...] = ()
    labels: tuple[LabelLine, ...] = ()
    n_earlier: int = 0
    """Earlier runs that the labels are compared with."""
    spans: tuple[Span, ...] = ()
    """In the order of their ends."""
    metrics: Mapping[str, Any] | None = None
    """What the run noted when it ended; None or empty where it could not."""
    flagged: FlagCounts = field(default_factory=FlagCounts)
    """Endpoint records and their flags."""

    @property
    def alarms(self) -> list[LabelLine]:
        return [line for line in self.labels if line.alarm]

    def to_dict(self) -> dict[str, Any]:
        """Everything, for scripts."""
        total = sum(self.stage_seconds.values()) or 1.0
        return {
            "run_id": self.run_id,
            "fates": dict(sorted(self.tally.fates.items())),
            "progress": [
                {"seconds": round(span.end, 3), "citations": span.n_citations} for span in self.spans
            ],
            "stages": {
                stage: {"cpu_seconds": round(seconds, 3), "share": round(seconds / total, 4)}
                for stage, seconds in self.stage_seconds.items()
            },
            "per_worker": self._workers(),
            **self.tally.checks(),
            "gate_measured": dict(self.facts.get("gate_measured") or {}),
            "quarantine": [asdict(reason) for reason in self.reasons],
            "labels": [_label(line) for line in self.labels],
            "endpoint_records": self.flagged.to_dict(),
            "earlier_runs": self.n_earlier,
            "drift_alarms": [line.label for line in self.alarms],
            "made_with": {name: self.facts.get(name) for name in ("host", "settings", "versions")},
        }

    def _workers(self) -> list[dict[str, Any]]:
        tally = self.tally
        return [
            {
                "worker": worker,
                "citations": tally.worker_citations[worker],
                "busy_seconds": round(seconds, 3),
                "citations_per_second": round(tally.worker_citations[worker] / max(seconds, 1e-9), 2),
                "peak_rss_bytes": tally.worker_rss[worker],
            }
            for worker, seconds in sorted(tally.worker_seconds.items())
        ]


def read_run_view(root: Place, run_id: str, commits: Iterable[CommitRecord]) -> RunView:
    """Everything about one run.

    :param commits: all commits of the output.
    :raises OutputError: when a data file is missing or damaged.
    """
    by_run: dict[str, list[CommitRecord]] = {}
    for commit in commits:
        by_run.setdefault(commit.run_id, []).append(commit)
    mine = by_run.get(run_id, [])
    earlier = _comparable(by_run, run_id)
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
            compare_labels(count_labels(root, mine), [count_labels(root, commits) for commits in earlier])
        ),
        flagged=count_flags(root, mine),
        n_earlier=len(earlier),
        spans=tuple(_spans(root, mine)),
        metrics=read_metrics(root, run_id),
    )


def _comparable(by_run: Mapping[str, Sequence[CommitRecord]], run_id: str) -> list[Sequence[CommitRecord]]:
    """The last runs before one, made with the same settings: another model rightly finds other things."""
    settings = {commit.settings for commit in by_run.get(run_id, ())}
    alike = [
        commits
        for run, commits in sorted(by_run.items())
        if run < run_id and {commit.settings for commit in commits} & settings
    ]
    return alike[-EARLIER_RUNS:]


def _label(line: LabelLine) -> dict[str, Any]:
    return {
        "label": line.label,
        "entities": line.n_entities,
        "per_thousand_sentences": round(line.per_thousand, 4),
        "per_thousand_before": None if line.before is None else round(line.before, 4),
        "change": None if line.change is None else round(line.change, 4),
        "alarm": line.alarm,
    }


def _stages(commits: Sequence[CommitRecord]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for commit in commits:
        for stage, value in commit.stage_seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + value
    return seconds


def _reasons(root: Place, commits: Sequence[CommitRecord]) -> Iterable[Reason]:
    """Reasons for quarantine, most frequent first; the text before a colon is the reason."""
    found: dict[str, list[str]] = {}
    for commit in commits:
        file = commit.file("citations")
        if file is None or not commit.fates.get("quarantined"):
            continue
        table = read_table(root / "citations" / file.name, ["fate", "reason", "source", "position", "doc_id"])
        for row in table.filter(pc.field("fate") == "quarantined").to_pylist():
            reason, _, detail = clean_text(row["reason"] or "unknown").partition(":")
            example = f"{row['source']}, record {row['position']}, id {row['doc_id'] or '?'}:{detail}"
            found.setdefault(reason, []).append(clean_text(example)[:_LONGEST_EXAMPLE])
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return [Reason(reason, len(examples), tuple(examples[:EXAMPLES])) for reason, examples in ordered]


def _spans(root: Place, commits: Sequence[CommitRecord]) -> list[Span]:
    """Shards in time: a record appears when its shard ends, and says how long that took."""
    times = []
    ended = {path.stem: path.stat().st_mtime for path in commit_paths(root)}
    for commit in commits:
        end = ended.get(commit.shard)
        if end is not None:
            times.append((end - commit.wall_seconds, end, commit.n_citations))
    first = min((begin for begin, _, _ in times), default=0.0)
    return sorted(
        (Span(begin - first, end - first, n_citations) for begin, end, n_citations in times),
        key=lambda span: (span.end, span.begin),
    )
