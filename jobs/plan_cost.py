"""Responsible for the prediction of a run's time and cost from what a sample took. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobs.config import USD_PER_WORKER_HOUR
from jobs.plan import LARGEST_SLICE, plan_slice_records
from jobs.probe import STAGES, Probe, Stages
from jobs.sample import Sample

TOKEN_EDGES = (8, 16, 24, 32, 48, 64, 96, 128, 256)
SENTENCE_EDGES = (0, 1, 2, 5, 10, 15, 20, 30)


@dataclass(frozen=True)
class Measured:
    """What a model cost on the sample."""

    model: str
    model_sha256: str
    probes: tuple[Probe, ...]
    """Taken while every worker was busy, the first on each left out."""
    stages: tuple[Stages, ...]
    """Taken on those first slices."""
    n_workers: int
    """Workers that were busy at once."""
    start_seconds: float
    """Wall time to start the cluster, open the model in every worker, and close the cluster again."""

    @property
    def n_citations(self) -> int:
        return sum(probe.n_citations for probe in self.probes)

    @property
    def seconds_per_citation(self) -> float:
        """Of one worker, while the others were busy."""
        return sum(probe.cpu_seconds for probe in self.probes) / max(self.n_citations, 1)

    @property
    def tokens_per_citation(self) -> float:
        return sum(probe.n_tokens for probe in self.probes) / max(self.n_citations, 1)

    @property
    def stage_shares(self) -> dict[str, float]:
        """Share of each stage in the CPU time, in order."""
        seconds = {stage: sum(entry.seconds[stage] for entry in self.stages) for stage in STAGES}
        return {stage: value / max(sum(seconds.values()), 1e-9) for stage, value in seconds.items()}


@dataclass(frozen=True)
class Prediction:
    """What a run is expected to take."""

    model: str
    model_sha256: str
    n_workers: int
    n_citations: int
    start_seconds: float
    check_seconds: float
    """Every input read from end to end once."""
    process_seconds: float
    usd_per_hour: float
    tokens_per_citation: float

    @property
    def wall_seconds(self) -> float:
        return self.start_seconds + self.check_seconds + self.process_seconds

    @property
    def usd(self) -> float:
        return self.usd_per_hour * self.wall_seconds / 3600

    def to_dict(self) -> dict[str, Any]:
        per_second = self.n_citations / self.wall_seconds
        return {
            "model": self.model,
            "model_sha256": self.model_sha256,
            "workers": self.n_workers,
            "citations": self.n_citations,
            "wall_seconds": round(self.wall_seconds, 2),
            "start_seconds": round(self.start_seconds, 2),
            "check_seconds": round(self.check_seconds, 2),
            "process_seconds": round(self.process_seconds, 2),
            "citations_per_second": round(per_second, 2),
            "tokens_per_second": round(per_second * self.tokens_per_citation, 2),
            "usd": round(self.usd, 4),
            "usd_per_million_citations": round(self.usd / self.n_citations * 1e6, 4),
        }


def predict(
    measured: Measured,
    sample: Sample,
    *,
    n_workers: int,
    n_citations: int | None = None,
    price_per_hour: float | None = None,
) -> Prediction:
    """Predict a run over the inputs, or over a corpus of ``n_citations`` like them.

    Workers beyond those that were measured are taken to be as fast as these.

    :param price_per_hour: USD for all machines; None for the default price a worker.
    """
    share = 1.0 if n_citations is None else n_citations / sample.n_citations
    n_citations = sample.n_citations if n_citations is None else n_citations
    n_bytes = sample.n_bytes * share
    n_files = max(1, round(sample.n_files * share))
    check = n_bytes * sample.check_seconds_per_byte / min(n_workers, n_files)
    price = USD_PER_WORKER_HOUR * n_workers if price_per_hour is None else price_per_hour
    return Prediction(
        model=measured.model,
        model_sha256=measured.model_sha256,
        n_workers=n_workers,
        n_citations=n_citations,
        start_seconds=measured.start_seconds,
        check_seconds=check,
        process_seconds=_makespan(sample, n_citations, n_files, n_workers) * measured.seconds_per_citation,
        usd_per_hour=price,
        tokens_per_citation=measured.tokens_per_citation,
    )


def _makespan(sample: Sample, n_citations: int, n_files: int, n_workers: int) -> float:
    """Citations that the busiest worker gets: shards are whole, and the last round is not full."""
    size = LARGEST_SLICE
    if n_files == sample.n_files:
        name = (
            "x.xml.gz"
            if any(entry.path.name.endswith((".gz", ".parquet")) for entry in sample.slices)
            else "x"
        )
        size = plan_slice_records([(name, sample.n_bytes)], n_workers)
    per_file = n_citations / n_files
    n_shards = n_files * max(1, -(-per_file // size))
    return -(-n_shards // n_workers) * n_citations / n_shards


def histogram(values: Sequence[int], edges: Sequence[int]) -> list[dict[str, Any]]:
    """How many values lie up to each edge; the last bin has no upper one."""
    starts = (0, *(edge + 1 for edge in edges))
    bins: list[dict[str, Any]] = [
        {"from": low, "to": high, "count": 0} for low, high in zip(starts, (*edges, None), strict=True)
    ]
    for value in values:
        place = next((number for number, edge in enumerate(edges) if value <= edge), len(edges))
        bins[place]["count"] += 1
    return bins
