"""Responsible for training several times: with several seeds, on the folds of a cross-validation, or both.

Each training is a checkpoint folder of its own in the target (``seed-1``, ``fold-2``, ``seed-1-fold-2``).
What they come to together is written when all have ended; until then the same call goes on where it stopped.

A fold's model is judged on documents that neither taught it nor chose its epoch. All folds of a seed together
judge every document once: the out-of-fold predictions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from compress.checkpoint import read_tokenizer
from compress.errors import CheckpointError
from compress.features import encode_sentences
from compress.folds import Folds, Report, read_cross_folds, read_folds
from compress.predict import find_entities
from compress.training.finetune import FinetuneConfig, finetune_on
from compress.training.record import write_errors, write_lines
from compress.training.train import EpochScore, Progress, TrainResult
from extract.annotations import AnnotatedSentence
from extract.records import Mention
from extract.score import Scores, score_mentions

SUMMARY = "summary.json"
_WRITTEN = ("predictions-seed-", "confusion.tsv", "errors.")
"""How the names of what is written before the summary begin."""


@dataclass(frozen=True)
class Spread:
    """How a score differs between trainings."""

    mean: float
    spread: float | None
    """Sample standard deviation; None of a single training."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(mean(values), stdev(values) if len(values) > 1 else None)


@dataclass(frozen=True)
class Trial:
    """One of the trainings."""

    name: str
    """Of its folder in the target."""
    seed: int
    fold: int | None
    """1-based; None without cross-validation."""
    best_epoch: int
    epochs: int
    """How many there were."""
    scores: Scores
    """On the documents held out, or on dev without folds."""


@dataclass(frozen=True)
class Trials:
    """Several trainings and what they come to."""

    trials: tuple[Trial, ...]
    f1: Spread
    precision: Spread
    recall: Spread
    per_label: dict[str, Spread]
    """F1 by label, over the trainings that were judged on it."""
    out_of_fold: dict[int, Scores]
    """By seed: all folds' predictions as one. Empty without folds."""

    def to_dict(self) -> dict[str, Any]:
        """As ``summary.json`` holds them."""
        return asdict(self)


@dataclass(frozen=True)
class _Judged:
    """What a model found in the sentences it is judged on."""

    trial: Trial
    sentences: tuple[AnnotatedSentence, ...]
    found: list[tuple[Mention, ...]]


def run_trials(
    config: FinetuneConfig,
    *,
    seeds: Sequence[int],
    n_folds: int | None = None,
    report: Report = lambda line: None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[EpochScore], None] | None = None,
) -> Trials:
    """Train once for each seed, or once for each seed and fold, and write what they come to.

    :raises AnnotationError, CheckpointError, DataError: as :func:`compress.training.finetune.finetune`.
    """
    if n_folds is None:
        folds: list[Folds] = [read_folds(config.data, config.also, report=report)]
    else:
        folds = read_cross_folds(config.data, config.also, n_folds=n_folds, report=report)
    planned = [
        (_name(seed, number, seeds, n_folds), seed, number, fold)
        for seed in seeds
        for number, fold in enumerate(folds, start=1)
    ]
    _check_target(config.target, [name for name, *_ in planned])
    judged = []
    for place, (name, seed, number, fold) in enumerate(planned, start=1):
        report(f"{name} ({place} of {len(planned)})")
        own = replace(config, target=config.target / name, train=replace(config.train, seed=seed))
        result = finetune_on(own, fold, report=report, on_step=on_step, on_epoch=on_epoch)
        judged.append(_judge(own, result, fold, None if n_folds is None else number))
    trials = _summarise(judged)
    _write(config.target, trials, judged)
    return trials


def _name(seed: int, fold: int, seeds: Sequence[int], n_folds: int | None) -> str:
    parts = [f"seed-{seed}"] if n_folds is None or len(seeds) > 1 else []
    parts += [f"fold-{fold}"] if n_folds is not None else []
    return "-".join(parts)


def _check_target(target: Path, names: Iterable[str]) -> None:
    """What is there may only be the beginning of these trainings."""
    expected = {name + suffix for name in names for suffix in ("", ".partial")}
    there = {path.name for path in target.iterdir()} if target.is_dir() else set()
    if SUMMARY not in there:
        there = {name for name in there if not name.startswith(_WRITTEN)}
    if (target.exists() and not target.is_dir()) or there - expected:
        raise CheckpointError("target is not empty", str(target), advice="name a new folder")


def _judge(config: FinetuneConfig, result: TrainResult, folds: Folds, fold: int | None) -> _Judged:
    sentences = folds.dev if fold is None else folds.held_out
    model = result.model
    max_tokens = min(config.max_tokens, model.config.max_positions)
    features = encode_sentences(
        sentences, read_tokenizer(config.target), model.config.labels, max_tokens=max_tokens
    )
    found = find_entities(model, features)
    trial = Trial(
        name=config.target.name,
        seed=config.train.seed,
        fold=fold,
        best_epoch=result.best_epoch,
        epochs=len(result.epochs),
        scores=score_mentions(sentences, found),
    )
    return _Judged(trial, sentences, found)


def _summarise(judged: Sequence[_Judged]) -> Trials:
    scores = [one.trial.scores for one in judged]
    labels = sorted({label for one in scores for label in one.per_label})
    return Trials(
        trials=tuple(one.trial for one in judged),
        f1=Spread.of([one.f1 for one in scores]),
        precision=Spread.of([one.precision for one in scores]),
        recall=Spread.of([one.recall for one in scores]),
        per_label={
            label: Spread.of([one.per_label[label].f1 for one in scores if label in one.per_label])
            for label in labels
        },
        out_of_fold={
            seed: score_mentions(*_pool(judged, seed))
            for seed in dict.fromkeys(one.trial.seed for one in judged if one.trial.fold is not None)
        },
    )


def _pool(judged: Iterable[_Judged], seed: int) -> tuple[list[AnnotatedSentence], list[tuple[Mention, ...]]]:
    """What all folds of a seed were judged on, and what they found in it."""
    sentences: list[AnnotatedSentence] = []
    found: list[tuple[Mention, ...]] = []
    for one in judged:
        if one.trial.seed == seed:
            sentences += one.sentences
            found += one.found
    return sentences, found


def _write(target: Path, trials: Trials, judged: Sequence[_Judged]) -> None:
    """The summary comes last: where it is, all is."""
    for seed in dict.fromkeys(trial.seed for trial in trials.trials):
        write_lines(
            target / f"predictions-seed-{seed}.jsonl",
            (
                row
                for one in judged
                if one.trial.seed == seed
                for row in prediction_rows(one.trial.name, one.sentences, one.found)
            ),
        )
    sentences = [sentence for one in judged for sentence in one.sentences]
    write_errors(target, sentences, [spans for one in judged for spans in one.found])
    summary = json.dumps(trials.to_dict(), indent=2, ensure_ascii=False)
    try:
        (target / SUMMARY).write_text(summary + "\n", "utf-8")
    except OSError as exc:
        raise CheckpointError("cannot be written", str(target / SUMMARY), str(exc)) from exc


def prediction_rows(
    model: str, sentences: Iterable[AnnotatedSentence], found: Iterable[Sequence[Mention]]
) -> Iterator[dict[str, Any]]:
    """Sentences with what a model found in them, in the form of annotated JSON Lines."""
    for sentence, spans in zip(sentences, found, strict=True):
        entities = [asdict(span) for span in spans]
        annotated = [asdict(span) for span in sentence.entities]
        yield {
            "id": sentence.id,
            "doc": sentence.doc,
            "text": sentence.text,
            "model": model,
            "entities": entities,
            "annotated": annotated,
        }
