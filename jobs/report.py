"""Responsible for the report over all runs of an output, and over the models they used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from extract.commits import read_commits, require_output
from extract.place import Place
from jobs.metrics import Tally
from jobs.plan_notes import plan_of, prediction_error
from jobs.runs import is_alive, list_runs, read_metrics, read_run


@dataclass(frozen=True)
class RunLine:
    """What a run did. Counts come from commit records, so they hold for killed runs too."""

    run_id: str
    model: str
    status: str
    """``done``, ``partial``, ``running`` or ``killed``."""
    tally: Tally
    wall_seconds: float | None
    """None for a run that was killed before it could note it."""
    workers: int | None
    usd_per_million: float | None
    started_at: str = ""
    """In UTC, ISO 8601; empty when it was not noted."""
    prediction_error: float | None = None
    """How much longer the run took than the plan noted before it said, as a share; None without a plan."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "model": self.model,
            "status": self.status,
            **_counts(self.tally, self.wall_seconds),
            "workers": self.workers,
            "usd_per_million_citations": self.usd_per_million,
            "started_at": self.started_at,
            "prediction_error": None if self.prediction_error is None else round(self.prediction_error, 4),
        }


def read_report(root: Place) -> list[RunLine]:
    """All runs of an output, oldest first.

    :raises OutputError: when the folder is no output, or damaged.
    """
    require_output(root)
    tallies: dict[str, Tally] = {}
    for commit in read_commits(root).values():
        tallies.setdefault(commit.run_id, Tally()).add(commit)
    return [_line(root, run_id, tallies.get(run_id, Tally())) for run_id in list_runs(root)]


def _line(root: Place, run_id: str, tally: Tally) -> RunLine:
    metrics, facts = read_metrics(root, run_id), read_run(root, run_id)
    unfinished = "running" if is_alive(root, run_id) else "killed"
    return RunLine(
        run_id=run_id,
        model=str(facts.get("settings", {}).get("model", "unknown")),
        status=str(metrics.get("status", unfinished)),
        tally=tally,
        wall_seconds=metrics.get("wall_seconds"),
        workers=metrics.get("workers"),
        usd_per_million=metrics.get("usd_per_million_citations"),
        started_at=str(facts.get("started_at", "")),
        prediction_error=_prediction_error(root, facts, metrics),
    )


def _prediction_error(root: Place, facts: dict[str, Any], metrics: dict[str, Any]) -> float | None:
    plan = plan_of(root, facts, metrics)
    return None if plan is None else prediction_error(plan, float(metrics["wall_seconds"]))


def by_model(lines: Iterable[RunLine]) -> list[dict[str, Any]]:
    """The runs that noted their time, added up by model."""
    models: dict[str, list[RunLine]] = {}
    for line in lines:
        if line.wall_seconds is not None and line.tally.n_citations:
            models.setdefault(line.model, []).append(line)
    return [_model_line(model, of_model) for model, of_model in sorted(models.items())]


def _model_line(model: str, lines: list[RunLine]) -> dict[str, Any]:
    tally = Tally()
    for line in lines:
        tally.merge(line.tally)
    wall = sum(line.wall_seconds or 0.0 for line in lines)
    usd = sum((line.usd_per_million or 0.0) * line.tally.n_citations for line in lines)
    return {
        "model": model,
        "runs": len(lines),
        **_counts(tally, wall),
        "usd_per_million_citations": round(usd / tally.n_citations, 4),
    }


def _counts(tally: Tally, wall: float | None) -> dict[str, Any]:
    return {
        "citations": tally.n_citations,
        "sentences": tally.n_sentences,
        "sentences_gated_out": tally.n_gated_out,
        "tokens": tally.n_tokens,
        "entities": tally.n_entities,
        "quarantined": tally.fates["quarantined"],
        "carried_over": tally.n_carried,
        "wall_seconds": wall,
        "citations_per_second": round(tally.n_citations / wall, 2) if wall else None,
        "tokens_per_second": round(tally.n_tokens / wall, 2) if wall else None,
        "cpu_seconds": round(tally.cpu_seconds, 3),
    }
