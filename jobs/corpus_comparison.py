"""Responsible for comparing models over the same documents with the whole job, from reading to commit.

Each round runs the job once a model into a new, empty folder, on a cluster of its own, so that models
alternate and none finds anything warm.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cluster import ClusterConfig
from jobs.config import USD_PER_WORKER_HOUR, JobConfig, Silence
from jobs.entrant import Entrant
from jobs.errors import JobError
from jobs.finding import find_paths
from jobs.metrics import RunReport
from jobs.run import run_job

MEDLINE_CITATIONS = 40_901_984
"""Citations in all of MEDLINE, as of the baseline of 2026."""
REPEATS = 3

Report = Callable[[str], None]


@dataclass(frozen=True)
class CorpusRun:
    """One run of the job."""

    report: RunReport
    busy_seconds: float
    """From the first check of an input to the last commit: without the start and the end of the cluster."""


@dataclass(frozen=True)
class CorpusRow:
    """What the job made of a corpus with a model."""

    model: str
    gated: bool
    """Whether the model's gate dropped sentences."""
    runs: tuple[CorpusRun, ...]
    price_per_hour: float | None
    """USD for all machines together; None for the default price a worker."""

    @property
    def busy_seconds(self) -> float:
        return statistics.median(run.busy_seconds for run in self.runs)

    @property
    def citations_per_second(self) -> float:
        return self.runs[0].report.tally.n_citations / self.busy_seconds

    @property
    def n_workers(self) -> int:
        return self.runs[0].report.n_workers

    @property
    def usd_per_million(self) -> float:
        price = USD_PER_WORKER_HOUR * self.n_workers if self.price_per_hour is None else self.price_per_hour
        return price / 3600 / self.citations_per_second * 1e6

    def to_dict(self) -> dict[str, Any]:
        tally = self.runs[0].report.tally
        return {
            "citations": tally.n_citations,
            "sentences": tally.n_sentences,
            "sentences_gated_out": tally.n_gated_out,
            "gate": self.gated,
            "tokens": tally.n_tokens,
            "entities": tally.n_entities,
            "workers": self.n_workers,
            "wall_seconds": round(statistics.median(run.report.wall_seconds for run in self.runs), 3),
            "busy_seconds": round(self.busy_seconds, 3),
            "citations_per_second": round(self.citations_per_second, 3),
            "usd_per_million_citations": round(self.usd_per_million, 5),
            "medline_hours": round(MEDLINE_CITATIONS / self.citations_per_second / 3600, 4),
            "worker_peak_rss_bytes": max(max(run.report.tally.worker_rss.values()) for run in self.runs),
        }


def compare_on_corpus(
    entrants: Sequence[Entrant],
    inputs: Sequence[str],
    *,
    n_workers: int | None = None,
    gate: bool = True,
    price_per_hour: float | None = None,
    repeats: int = REPEATS,
    report: Report = lambda line: None,
) -> list[CorpusRow]:
    """Run the job over the inputs with every model that it can use, some times in alternation.

    :param n_workers: None for one per physical core.
    :param report: told one line as each step begins.
    :raises InputMissing: when an input is not there.
    :raises JobError: when a run does not come to its end, or finds no citation.
    """
    check_corpus(inputs)
    entrants = [entrant for entrant in entrants if entrant.is_job_model]
    runs: list[list[CorpusRun]] = [[] for _ in entrants]
    for number in range(repeats):
        for entrant, mine in zip(entrants, runs, strict=True):
            report(f"{entrant.name}: run {number + 1} of {repeats} over the corpus")
            mine.append(_run(entrant, inputs, n_workers, gate))
    return [
        CorpusRow(entrant.name, gate and entrant.source.has_gate, tuple(mine), price_per_hour)
        for entrant, mine in zip(entrants, runs, strict=True)
    ]


def check_corpus(inputs: Sequence[str]) -> None:
    """Whether there is any input, before minutes are spent on something else.

    :raises InputMissing: when an argument stands for no file.
    """
    find_paths(tuple(inputs))


def _run(entrant: Entrant, inputs: Sequence[str], n_workers: int | None, gate: bool) -> CorpusRun:
    clock = _BusyClock()
    with TemporaryDirectory(prefix="extract-compare-") as folder:
        config = JobConfig(
            inputs=tuple(inputs),
            out=Path(folder) / "out",
            model=entrant.source,
            cluster=ClusterConfig(n_workers=n_workers),
            gate=gate,
        )
        report = run_job(config, listener=clock)
    if report.stopped_by is not None:
        raise report.stopped_by
    if not report.tally.n_citations:
        raise JobError("no citations in the corpus", ", ".join(inputs), "0", "at least one")
    return CorpusRun(report, clock.seconds)


class _BusyClock(Silence):
    """Listens for the time in which a run has work."""

    def __init__(self) -> None:
        self._first = self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        return self._last - self._first

    def checking(self, n_files: int) -> None:
        self._first = time.monotonic()

    def committed(self, n_records: int) -> None:
        self._last = time.monotonic()
