"""Responsible for making a plan: sample the inputs, measure the models on a cluster, predict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cluster import ClusterConfig
from cluster.cores import count_cores
from cluster.open import count_threads, open_cluster
from extract.errors import SourceError
from extract.inputs import find_inputs
from jobs.config import StopRequest
from jobs.dispatch import Dispatcher
from jobs.errors import InputMissing, JobError
from jobs.model import ModelSource
from jobs.plan_cost import SENTENCE_EDGES, TOKEN_EDGES, Measured, Prediction, histogram, predict
from jobs.probe import Probe, ProbeTask, probe_slice
from jobs.sample import Sample, read_sample

ROUNDS = 2
"""Slices each worker measures, after one to warm up."""


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
        first = self.measured[0].stages
        tokens = [n for stages in first for n in stages.tokens_per_sentence]
        sentences = [n for stages in first for n in stages.sentences_per_citation]
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
                    "workers": entry.n_workers,
                    "citations_per_second_per_worker": round(1 / entry.seconds_per_citation, 2),
                    "stage_shares": {stage: round(share, 4) for stage, share in entry.stage_shares.items()},
                    "gated_out": sum(probe.n_gated_out for probe in entry.probes),
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
    price_per_hour: float | None = None,
) -> Plan:
    """Predict what a run over ``inputs`` would take with each model; takes some seconds a model.

    :param n_workers: workers of that run; None for one per physical core of this machine. No more than
        there are cores here are started to measure.
    :param n_citations: predict for a corpus of this size that is like the inputs.
    :raises InputMissing: when an input is not there, or none can be read.
    :raises ClusterError: when workers cannot be started here.
    """
    cores = count_cores()
    n_busy = min(n_workers or cores, cores)
    sample = read_sample(_find_paths(inputs), n_slices=n_busy * (1 + ROUNDS))
    measured = tuple(_measure(model, sample, n_busy) for model in models)
    predictions = tuple(
        predict(
            entry,
            sample,
            n_workers=n_workers or cores,
            n_citations=n_citations,
            price_per_hour=price_per_hour,
        )
        for entry in measured
    )
    return Plan(sample, measured, predictions, n_citations is not None)


def _find_paths(inputs: Sequence[str]) -> list[Path]:
    try:
        return find_inputs(inputs)
    except SourceError as exc:
        raise InputMissing("no such input", exc.where, exc.got, exc.expected, "check the path") from exc


def _measure(model: ModelSource, sample: Sample, n_workers: int) -> Measured:
    started = time.monotonic()
    with TemporaryDirectory(prefix="extract-plan-") as folder:
        with open_cluster(ClusterConfig(n_workers=n_workers)) as client:
            client.wait_for_workers(n_workers, timeout=120)
            n_workers = count_threads(client)
            opened = time.monotonic()
            dispatcher: Dispatcher[None] = Dispatcher(client, window=n_workers, stop=StopRequest())
            tasks = [
                ProbeTask(entry, model, gate=True, root=Path(folder), by_stage=number < n_workers)
                for number, entry in enumerate(islice(cycle(sample.slices), n_workers * (1 + ROUNDS)))
            ]
            warm = _run(dispatcher, tasks[:n_workers])
            probes = _run(dispatcher, tasks[n_workers:])
            closing = time.monotonic()
        closed = time.monotonic()
    return Measured(
        model=model.name,
        model_sha256=model.sha256,
        probes=tuple(probes),
        stages=tuple(probe.stages for probe in warm if probe.stages),
        n_workers=n_workers,
        start_seconds=opened - started + max(probe.open_seconds for probe in warm) + closed - closing,
    )


def _run(dispatcher: Dispatcher[None], tasks: Sequence[ProbeTask]) -> list[Probe]:
    """Measure slices, as many at once as there are workers."""
    waiting = list(reversed(tasks))
    probes: list[Probe] = []
    while waiting or dispatcher.n_running:
        while waiting and dispatcher.has_room:
            dispatcher.submit(None, probe_slice, waiting.pop())
        outcome = dispatcher.wait()
        if isinstance(outcome.error, JobError):
            raise outcome.error
        if outcome.error is not None:
            raise JobError("the sample cannot be measured", got=repr(outcome.error)[:300]) from outcome.error
        probes.append(outcome.result)
    return probes
