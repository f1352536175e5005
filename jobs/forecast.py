"""Responsible for making a plan: sample the inputs, measure the models on a cluster, predict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster.cores import count_cores
from extract.errors import SourceError
from extract.inputs import find_inputs
from extract.remote import Location
from jobs.errors import InputMissing
from jobs.measure import measure
from jobs.model import ModelSource
from jobs.plan import plan_slice_records
from jobs.plan_cost import SENTENCE_EDGES, TOKEN_EDGES, Measured, Prediction, histogram, predict
from jobs.sample import Sample, read_sample


@dataclass(frozen=True)
class Plan:
    """Predictions for some inputs, and what they were made from."""

    sample: Sample
    measured: tuple[Measured, ...]
    """One for each model."""
    predictions: tuple[Prediction, ...]
    """For each model, over the inputs or over the corpus that was asked for."""
    scaled: bool
    """Whether the predictions are over a corpus of another size."""

    def to_dict(self) -> dict[str, Any]:
        lengths = self.measured[0].lengths
        tokens = [n for entry in lengths for n in entry.tokens_per_sentence]
        sentences = [n for entry in lengths for n in entry.sentences_per_citation]
        return {
            "files": self.sample.n_files,
            "bytes": self.sample.n_bytes,
            "citations": self.sample.n_citations,
            "citations_counted": self.sample.exact,
            "sampled_citations": self.measured[0].n_citations,
            "tokens_per_sentence": histogram(tokens, TOKEN_EDGES),
            "sentences_per_citation": histogram(sentences, SENTENCE_EDGES),
            "corpus": self.scaled,
            "measured": [
                {
                    "model": entry.model,
                    "gate": entry.gate,
                    "workers": entry.n_workers,
                    "citations_per_second_per_worker": round(1 / entry.shard.record_seconds, 2),
                    "seconds_per_shard": round(entry.shard.fixed_seconds, 4),
                    "cpu_share": round(entry.cpu_share, 4),
                    "stage_shares": {stage: round(share, 4) for stage, share in entry.stage_shares.items()},
                    "gated_out": entry.n_gated_out,
                }
                for entry in self.measured
            ],
            "predictions": [prediction.to_dict() for prediction in self.predictions],
        }


def make_plan(
    inputs: Sequence[str],
    models: Sequence[ModelSource],
    *,
    n_workers: int | None = None,
    n_citations: int | None = None,
    gate: bool = True,
    price_per_hour: float | None = None,
) -> Plan:
    """Predict what a run over ``inputs`` would take with each model; takes some seconds a model.

    :param n_workers: workers of that run; None for one per physical core of this machine. No more than
        there are cores here are started to measure.
    :param n_citations: predict for a corpus of this size that is like the inputs.
    :param gate: whether a model's gate may drop sentences.
    :raises InputMissing: when an input is not there, or none can be read.
    :raises ClusterError: when workers cannot be started here.
    """
    cores = count_cores()
    n_workers = n_workers or cores
    sample = read_sample(_find_paths(inputs))
    slice_records = plan_slice_records(sample.sizes, n_workers)
    measured = tuple(
        measure(model, sample, n_workers=min(n_workers, cores), gate=gate, slice_records=slice_records)
        for model in models
    )
    predictions = tuple(
        predict(entry, sample, n_workers=n_workers, n_citations=n_citations, price_per_hour=price_per_hour)
        for entry in measured
    )
    return Plan(sample, measured, predictions, n_citations is not None)


def _find_paths(inputs: Sequence[str]) -> list[Location]:
    try:
        return find_inputs(inputs)
    except SourceError as exc:
        raise InputMissing("no such input", exc.where, exc.got, exc.expected, "check the path") from exc
