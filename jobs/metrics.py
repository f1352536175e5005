"""Responsible for the numbers of a run: added up from commit records, told by their contract names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from extract.commits import CommitRecord
from extract.errors import SourceError
from extract.evidence import Evidence, merge_evidence
from extract.gate_audit import LEVELS, Observed
from extract.shadow import Shadow, merge_shadows
from jobs.config import USD_PER_WORKER_HOUR
from jobs.errors import JobError


@dataclass
class Tally:
    """Sums over the shards that a run committed."""

    fates: Counter[str] = field(default_factory=Counter)
    n_shards: int = 0
    n_deletions: int = 0
    n_sentences: int = 0
    n_gated_out: int = 0
    n_tokens: int = 0
    n_entities: int = 0
    n_carried: int = 0
    audit: Counter[str] = field(default_factory=Counter)
    """What was seen of the sentences that the gate dropped."""
    evidence: dict[str, Evidence] = field(default_factory=dict)
    """What was found in them, by level of the gate."""
    shadow: Shadow | None = None
    computed: Counter[str] = field(default_factory=Counter)
    """What went through the model: ``sentences``, ``tokens``, ``computed``, ``padding``."""
    cpu_seconds: float = 0.0
    """CPU time of the workers in the attempts that were committed."""
    worker_seconds: dict[str, float] = field(default_factory=dict)
    """Seconds each worker process was busy."""
    worker_citations: Counter[str] = field(default_factory=Counter)
    worker_rss: dict[str, int] = field(default_factory=dict)
    """Largest resident memory of each worker process, in bytes."""
    worker_process: dict[str, Mapping[str, float]] = field(default_factory=dict)
    """What each worker process was like after its latest shard."""

    def add(self, record: CommitRecord) -> None:
        """Count a committed shard."""
        self.fates.update(record.fates)
        self.n_shards += 1
        self.n_deletions += record.n_deletions
        self.n_sentences += record.n_sentences
        self.n_gated_out += record.n_gated_out
        self.n_tokens += record.n_tokens
        self.n_entities += record.n_entities
        self.n_carried += record.n_carried
        self.audit.update(record.audit)
        self.computed.update(record.computed)
        self._add_checks(record.evidence, record.shadow)
        self.cpu_seconds += record.cpu_seconds
        busy = self.worker_seconds.get(record.worker, 0.0)
        self.worker_seconds[record.worker] = busy + record.wall_seconds
        self.worker_citations[record.worker] += record.n_citations
        self.worker_rss[record.worker] = max(record.peak_rss_bytes, self.worker_rss.get(record.worker, 0))
        self.worker_process[record.worker] = record.process

    def merge(self, other: Tally) -> None:
        """Count what another counted. Workers are left out: processes of different runs do not compare."""
        self.fates.update(other.fates)
        self.n_shards += other.n_shards
        self.n_deletions += other.n_deletions
        self.n_sentences += other.n_sentences
        self.n_gated_out += other.n_gated_out
        self.n_tokens += other.n_tokens
        self.n_entities += other.n_entities
        self.n_carried += other.n_carried
        self.audit.update(other.audit)
        self.computed.update(other.computed)
        self._add_checks(other.evidence, other.shadow)
        self.cpu_seconds += other.cpu_seconds

    def _add_checks(self, evidence: Mapping[str, Evidence], shadow: Shadow | None) -> None:
        for level, seen in evidence.items():
            self.evidence[level] = merge_evidence(self.evidence.get(level, Evidence()), seen)
        if shadow is not None:
            self.shadow = shadow if self.shadow is None else merge_shadows(self.shadow, shadow)

    @property
    def n_citations(self) -> int:
        return sum(self.fates.values())

    @property
    def n_audited(self) -> int:
        """Dropped sentences that were tagged all the same."""
        return sum(self.audit[f"{level}_audited"] for level in LEVELS)

    @property
    def n_audit_entities(self) -> int:
        """Entities found in them, written nowhere."""
        return sum(self.audit[f"{level}_entities"] for level in LEVELS)

    def observed(self) -> dict[str, dict[str, Any]]:
        """What the gate lost by this sample, by its level."""
        return {level: asdict(Observed.of(self.audit, level, n_entities=self.n_entities)) for level in LEVELS}

    @property
    def gate_loss(self) -> Observed:
        """The same of both levels together."""
        return Observed.of(self.audit, *LEVELS, n_entities=self.n_entities)

    @property
    def padding(self) -> float | None:
        """Share of the tokens computed that were padding; None where nothing was computed or noted."""
        n_computed = self.computed["computed"]
        return self.computed["padding"] / n_computed if n_computed else None

    def checks(self) -> dict[str, Any]:
        """What the run's two samples and the count of computed tokens say, as reports tell it."""
        return {
            "gate_audited": self.n_audited,
            "gate_audit_entities": self.n_audit_entities,
            "gate_audit": self.observed(),
            "gate_loss": asdict(self.gate_loss),
            "gate_evidence": {
                level: {
                    "per_label": dict(seen.labels),
                    "examples": [
                        {"doc_id": example.doc_id, "sentence": example.text, "found": list(example.found)}
                        for example in seen.examples
                    ],
                }
                for level, seen in sorted(self.evidence.items())
            },
            "shadow": None if self.shadow is None else self.shadow.to_dict(),
            "sentences_computed": self.computed["sentences"],
            "tokens_computed": self.computed["computed"],
            "padding": None if self.padding is None else round(self.padding, 6),
        }


@dataclass(frozen=True)
class RunReport:
    """What a run did."""

    run_id: str
    model: str
    model_sha256: str
    tally: Tally
    n_workers: int
    wall_seconds: float
    driver_cpu_seconds: float
    driver_rss_bytes: int
    price_per_hour: float | None
    """USD for all machines; None for the default price a worker."""
    n_citations_output: int
    """Citations in the output after the run, whoever committed them."""
    refused: tuple[SourceError, ...]
    """Why input files were refused."""
    n_shards_failed: int
    n_duplicates: int
    """Shards that another run had committed first."""
    stopped_by: JobError | None
    """Why the run did not end well; what it committed stays."""

    @property
    def status(self) -> str:
        """``done``; ``partial`` when input was refused or the run stopped before its end."""
        return "done" if self.stopped_by is None else "partial"

    @property
    def usd_per_million(self) -> float | None:
        """Cost of a million citations at this run's pace; None when it processed none."""
        if not self.tally.n_citations:
            return None
        return self.usd_per_hour * self.wall_seconds / 3600 / self.tally.n_citations * 1e6

    @property
    def usd_per_hour(self) -> float:
        """What all machines together are taken to cost."""
        price = self.price_per_hour
        return USD_PER_WORKER_HOUR * max(self.n_workers, 1) if price is None else price

    def to_dict(self) -> dict[str, Any]:
        """The report by its contract names, and what else is known."""
        tally = self.tally
        return {
            "run_id": self.run_id,
            "status": self.status,
            "citations": tally.n_citations,
            "sentences": tally.n_sentences,
            "sentences_gated_out": tally.n_gated_out,
            "tokens": tally.n_tokens,
            "entities": tally.n_entities,
            "quarantined": tally.fates["quarantined"],
            "wall_seconds": round(self.wall_seconds, 3),
            "citations_per_second": round(tally.n_citations / self.wall_seconds, 2),
            "tokens_per_second": round(tally.n_tokens / self.wall_seconds, 2),
            "cpu_seconds": round(tally.cpu_seconds + self.driver_cpu_seconds, 3),
            "peak_rss_bytes": sum(tally.worker_rss.values()) + self.driver_rss_bytes,
            "workers": self.n_workers,
            "model": self.model,
            "usd_per_million_citations": None
            if self.usd_per_million is None
            else round(self.usd_per_million, 4),
            "usd_per_hour": round(self.usd_per_hour, 6),
            "model_sha256": self.model_sha256,
            "fates": dict(sorted(tally.fates.items())),
            "deletions": tally.n_deletions,
            "carried_over": tally.n_carried,
            "shards": tally.n_shards,
            "duplicate_attempts": self.n_duplicates,
            "files_refused": len(self.refused),
            "refused": [
                {"file": Path(error.where).name, "reason": error.what, "detail": error.got}
                for error in self.refused
            ],
            "shards_failed": self.n_shards_failed,
            "citations_output": self.n_citations_output,
            **tally.checks(),
            "per_worker": self._per_worker(),
        }

    def _per_worker(self) -> list[dict[str, Any]]:
        return [
            {
                "worker": worker,
                "citations": citations,
                "citations_per_second": round(citations / max(self.tally.worker_seconds[worker], 1e-9), 2),
                "peak_rss_bytes": self.tally.worker_rss[worker],
                **self.tally.worker_process[worker],
            }
            for worker, citations in sorted(self.tally.worker_citations.items())
        ]
