"""Responsible for what a comparison knows of one model, and how that is told. Pure."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from extract.agreement import Interval
from extract.score import Scores
from jobs.batch_order import BatchPace
from jobs.opening import Opening


@dataclass(frozen=True)
class Row:
    """A model in the comparison."""

    model: str
    sha256: str
    scores: Scores
    interval: Interval
    """Of F1, by drawing the documents anew."""
    difference: Interval
    """Of F1 less the reference's, by drawing the same documents for both."""
    together: tuple[float, ...]
    """Seconds for all sentences, round by round."""
    singly: tuple[float, ...]
    """Seconds of sentences that were tagged alone, of all rounds."""
    natural: BatchPace
    """Of batches in the order of the file."""
    by_length: BatchPace
    """Of batches of sentences of like length."""
    opening: Opening
    n_sentences: int
    n_tokens: int
    n_bytes: int
    peak_rss_bytes: int
    agreement: float
    """F1 of its entities against those of the reference, 0 to 1."""
    heads_per_layer: tuple[int, ...]
    """Attention heads left in each layer, bottom first."""
    neurons_per_layer: tuple[int, ...]
    """Feed-forward neurons left in each layer, bottom first."""

    @property
    def seconds(self) -> float:
        return statistics.median(self.together)

    def latency_ms(self, share: float) -> float:
        """Milliseconds within which this share of the sentences was tagged, each alone."""
        return float(np.quantile(self.singly, share)) * 1000

    def to_dict(self, reference: Row) -> dict[str, Any]:
        """The row by its contract names, and what else is known."""
        return {
            "model": self.model,
            "sha256": self.sha256,
            **self._found(reference),
            **self._paces(reference),
            **self._sizes(),
            "heads_per_layer": list(self.heads_per_layer),
            "neurons_per_layer": list(self.neurons_per_layer),
            "per_label": {label: asdict(score) for label, score in self.scores.per_label.items()},
        }

    def _found(self, reference: Row) -> dict[str, Any]:
        return {
            "precision": self.scores.precision,
            "recall": self.scores.recall,
            "f1": self.scores.f1,
            "f1_low": self.interval.low,
            "f1_high": self.interval.high,
            "f1_difference": self.scores.f1 - reference.scores.f1,
            "f1_difference_low": self.difference.low,
            "f1_difference_high": self.difference.high,
            "accuracy": self.scores.accuracy,
            "agreement_with_dense": self.agreement,
        }

    def _paces(self, reference: Row) -> dict[str, Any]:
        return {
            "latency_ms_p50": round(self.latency_ms(0.5), 4),
            "latency_ms_p95": round(self.latency_ms(0.95), 4),
            "sentences_per_second": round(self.n_sentences / self.seconds, 3),
            "tokens_per_second": round(self.n_tokens / self.seconds, 3),
            "speedup_vs_dense": round(reference.seconds / self.seconds, 4),
            "seconds": [round(seconds, 6) for seconds in self.together],
            "batches_of_16": {
                "natural": self.natural.to_dict(reference.natural),
                "by_length": self.by_length.to_dict(reference.by_length),
            },
        }

    def _sizes(self) -> dict[str, Any]:
        memory = self.opening.memory
        return {
            "bytes": self.n_bytes,
            "peak_rss_bytes": self.peak_rss_bytes,
            "private_bytes": memory and memory.private,
            "shared_bytes": memory and memory.shared,
            "pss_bytes": memory and memory.proportional,
            "second_worker_bytes": self.opening.second_worker_bytes,
            "load_seconds": round(self.opening.seconds, 4),
            "load_seconds_rounds": [round(seconds, 4) for seconds in self.opening.rounds],
        }
