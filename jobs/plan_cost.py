"""Responsible for the prediction of a run's time and cost from what a sample took. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.config import USD_PER_WORKER_HOUR
from jobs.plan import plan_slice_records
from jobs.probe import Lengths
from jobs.sample import Sample

STAGES = ("read", "split", "gate", "tag", "write")
TOKEN_EDGES = (8, 16, 24, 32, 48, 64, 96, 128, 256)
SENTENCE_EDGES = (0, 1, 2, 5, 10, 15, 20, 30)


@dataclass(frozen=True, slots=True)
class ShardCost:
    """What a shard takes a worker, while the others are busy too: so much, and so much a record."""

    fixed_seconds: float
    """From one shard's end to the next one's begin included."""
    record_seconds: float

    def of(self, n_records: float) -> float:
        """Seconds for a shard of so many records."""
        return self.fixed_seconds + self.record_seconds * n_records


@dataclass(frozen=True)
class Measured:
    """What a model cost on the sample."""

    model: str
    model_sha256: str
    gate: bool
    """Whether its gate dropped sentences."""
    n_workers: int
    """Workers that were busy at once."""
    n_citations: int
    """Citations that were measured."""
    n_tokens: int
    n_gated_out: int
    start_seconds: float
    """Wall time to start the cluster, to get each worker going on its first shard, and to close again."""
    check_seconds: float
    """Time to check an input, apart from what its size explains."""
    shard: ShardCost
    cpu_share: float
    """Share of its shards' time in which a worker computed: well below 1 where other programs ran too."""
    stage_seconds: dict[str, float]
    """CPU time of each of the :data:`STAGES`, in order."""
    lengths: tuple[Lengths, ...]

    @property
    def tokens_per_citation(self) -> float:
        return self.n_tokens / max(self.n_citations, 1)

    @property
    def stage_shares(self) -> dict[str, float]:
        """Share of each stage in the CPU time, in order."""
        total = max(sum(self.stage_seconds.values()), 1e-9)
        return {stage: self.stage_seconds[stage] / total for stage in STAGES}


@dataclass(frozen=True)
class Prediction:
    """What a run is expected to take."""

    model: str
    model_sha256: str
    gate: bool
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
            "gate": self.gate,
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


def fit_shard_cost(small: tuple[float, float], large: tuple[float, float]) -> ShardCost:
    """The cost that agrees with the means of two kinds of shards.

    :param small: mean number of records, and mean seconds.
    :param large: the same of shards with more records; where they have as many, all is taken to be by record.
    """
    (n_small, t_small), (n_large, t_large) = small, large
    if n_large > n_small and t_large > t_small:
        record = (t_large - t_small) / (n_large - n_small)
        fixed = t_small - record * n_small
        if fixed >= 0:
            return ShardCost(fixed, record)
    return ShardCost(0.0, t_large / max(n_large, 1))


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
    files = _files(sample, n_citations)
    slice_records = plan_slice_records([(name, n_bytes) for name, n_bytes, _ in files], n_workers)
    checks = (measured.check_seconds + n_bytes * sample.check_seconds_per_byte for _, n_bytes, _ in files)
    shards = (measured.shard.of(size) for _, _, n_records in files for size in _cut(n_records, slice_records))
    price = USD_PER_WORKER_HOUR * n_workers if price_per_hour is None else price_per_hour
    return Prediction(
        model=measured.model,
        model_sha256=measured.model_sha256,
        gate=measured.gate,
        n_workers=n_workers,
        n_citations=sample.n_citations if n_citations is None else n_citations,
        start_seconds=measured.start_seconds,
        check_seconds=makespan(checks, n_workers),
        process_seconds=makespan(shards, n_workers),
        usd_per_hour=price,
        tokens_per_citation=measured.tokens_per_citation,
    )


def makespan(seconds: Iterator[float], n_workers: int) -> float:
    """When the last task ends, if each goes to the worker that is free first."""
    free_at = [0.0] * n_workers
    for task in seconds:
        heapq.heapreplace(free_at, free_at[0] + task)
    return max(free_at)


def _files(sample: Sample, n_citations: int | None) -> list[tuple[str, float, float]]:
    """Name, bytes and records of every file of the run; records by size where a file was not read."""
    per_byte = sample.n_citations / sample.n_bytes
    if n_citations is not None:
        share = n_citations / sample.n_citations
        n_files = max(1, round(sample.n_files * share))
        name = sample.sizes[0][0]
        return [(name, sample.n_bytes * share / n_files, n_citations / n_files)] * n_files
    if sample.exact:
        return [(path.name, source.n_bytes, source.n_records) for path, source in sample.files]
    return [(name, n_bytes, n_bytes * per_byte) for name, n_bytes in sample.sizes]


def _cut(n_records: float, slice_records: int) -> Iterator[float]:
    """Sizes of a file's shards: full ones, and what is left."""
    n_full, rest = divmod(n_records, slice_records)
    yield from [float(slice_records)] * int(n_full)
    if rest:
        yield rest


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
