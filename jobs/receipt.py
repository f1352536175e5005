"""Responsible for what a worker hands back for a shard: small, and all the driver needs to publish it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from extract.commits import DataFile
from extract.evidence import Evidence
from extract.shadow import Shadow


@dataclass(frozen=True, slots=True)
class Receipt:
    """A shard whose files lie complete, durable and checked in the staging folder."""

    shard: str
    attempt: str
    """Unique to this try; part of the file names."""
    files: tuple[DataFile, ...]
    """Empty for a try that only looked whether a range of records can be processed."""
    fates: Mapping[str, int]
    """Citations by fate."""
    n_deletions: int
    n_sentences: int
    n_gated_out: int
    n_tokens: int
    n_entities: int
    n_carried: int
    cpu_seconds: float
    wall_seconds: float
    peak_rss_bytes: int
    """Largest resident memory of the worker process so far."""
    worker: str
    """Process id and start time: tells workers apart, names no host."""
    cpu: str
    stage_seconds: Mapping[str, float]
    """CPU time of each stage: open (the model), read, split (and gate), tag, check (the
    samples), write."""
    audit: Mapping[str, int]
    """Counts of :class:`jobs.audit.GateAudit`."""
    evidence: Mapping[str, Evidence]
    shadow: Shadow | None
    computed: Mapping[str, int]
    process: Mapping[str, float]
    """What the worker process is like: :data:`extract.commits.CommitRecord.process`."""
    note: str = ""
    """What the user should know of this worker, in a line."""

    @property
    def n_citations(self) -> int:
        return sum(self.fates.values())
