"""Responsible for fine-tuning as a whole: from a checkpoint and a data folder to a new checkpoint folder.

Steps, in order: read the data, read the checkpoint, trim its vocabulary, train, write. The folder appears
whole or not at all; until then ``.partial`` beside it holds what an interrupted training goes on from. Beside
the checkpoint it holds ``training.json`` (settings, and the scores on dev by epoch and by label) and a record
of the training (:mod:`compress.training.record`).
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tokenizers

from compress.bases import find_base, name_of_base
from compress.checkpoint import read_checkpoint, read_history, write_checkpoint
from compress.encoder import TokenClassifier
from compress.errors import CheckpointError, DataError
from compress.features import Features, encode_sentences
from compress.folds import Folds, Report, read_folds
from compress.predict import find_entities
from compress.training.course import Course
from compress.training.negatives import Negatives, read_negatives
from compress.training.record import TrainingRecord, open_folder
from compress.training.resume import identify, read_state
from compress.training.selftrain import Lesson, Plan, Teaching, plan_lesson, read_lesson
from compress.training.swaps import iter_swapped, read_swaps
from compress.training.train import EpochScore, Progress, TrainConfig, TrainResult, train
from compress.vocabulary import trim_model, trim_vocabulary
from extract.annotations import AnnotatedSentence, tags_of

_STATE = "state.safetensors"
_ANSWERS = "answers.safetensors"


@dataclass(frozen=True)
class FinetuneConfig:
    """What to train, on what, to where."""

    base: str
    """Folder or hub id of a BERT, DistilBERT or RoBERTa checkpoint, with or without a head; or a name of
    :data:`compress.bases.NAMES`."""
    data: Path
    """A folder with a ``train`` file and if possible ``dev``, or one annotated file."""
    target: Path
    """The new checkpoint's folder; must not exist or be empty."""
    also: tuple[Path, ...] = ()
    """More annotated files to train on."""
    swaps: Path | None = None
    """Table of names by which counterfactual sentences are added (:mod:`compress.training.swaps`)."""
    vocab_size: int | None = None
    """Trim a WordPiece vocabulary to about this many pieces; None keeps it whole."""
    sample_text: Path | None = None
    """Plain text of the field, one paragraph a line, by which the pieces to keep are chosen."""
    max_tokens: int = 256
    """Longest window in tokens, the two special ones included."""
    with_dev: bool = False
    """Learn from dev too, once all has been chosen by it: the last epoch is kept, and nothing is scored."""
    negatives: Negatives | None = None
    """Documents of other fields, whose sentences are taken as having no entity."""
    teaching: Teaching | None = None
    """Teachers, and unlabelled text for them to answer; None learns from annotated sentences alone."""
    train: TrainConfig = field(default_factory=TrainConfig)


def finetune(
    config: FinetuneConfig,
    *,
    report: Report = lambda line: None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[EpochScore], None] | None = None,
) -> TrainResult:
    """Train and write the new checkpoint. One that was interrupted goes on after its last whole epoch.

    :param report: told one line as each part begins.
    :raises AnnotationError, CheckpointError, DataError: the target is not there then.
    """
    check_target(config.target)
    folds = read_folds(config.data, config.also, with_dev=config.with_dev, report=report)
    return finetune_on(config, folds, report=report, on_step=on_step, on_epoch=on_epoch)


def finetune_on(
    config: FinetuneConfig,
    folds: Folds,
    *,
    report: Report = lambda line: None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[EpochScore], None] | None = None,
) -> TrainResult:
    """As :func:`finetune`, on sentences that are already read. Where this very training has already ended in
    the target, its result is read instead."""
    task = _prepare(config, folds, report)
    plan = _plan_lesson(config, task, folds, report)
    settings = asdict(config.train) | ({} if plan is None else {"teaching": plan.key})
    identity = identify(settings, task.model, task.data, task.dev)
    if config.target.exists() and any(config.target.iterdir()):
        report(f"already there: {config.target}")
        return _read_finished(config.target, identity)
    partial = config.target.with_name(config.target.name + ".partial")
    state = partial / _STATE
    _sweep(partial)
    goes_on = read_state(state, identity)
    done = Course.from_state(goes_on).epochs if goes_on else []
    if done:
        report(f"goes on after epoch {len(done)}, in {partial}")
    lesson = None
    if plan is not None:
        asks_all = config.train.distil_weight > 0
        lesson = read_lesson(plan, partial / _ANSWERS, on_annotated=asks_all, report=report)
    record = TrainingRecord(open_folder(partial), _settings(config, task, folds, lesson), done)

    def tell(epoch: EpochScore) -> None:
        record.add(epoch)
        if on_epoch is not None:
            on_epoch(epoch)

    started = time.monotonic()
    result = train(
        config.train,
        task.model,
        task.data if lesson is None else lesson.data,
        task.dev,
        teacher_logits=None if lesson is None else lesson.answers,
        on_step=on_step,
        on_epoch=tell,
        state=state,
        identity=identity,
    )
    settings = _settings(config, task, folds, lesson)
    summary = settings | _summarise(result, seconds=time.monotonic() - started)
    record.end(folds.dev, [] if task.dev is None else find_entities(result.model, task.dev))
    _publish(config, partial, result, task.tokenizer, summary, identity)
    return result


@dataclass(frozen=True)
class _Task:
    """A training as numbers."""

    model: TokenClassifier
    tokenizer: tokenizers.Tokenizer
    data: Features
    dev: Features | None
    """None where there is nothing to choose by."""


def _prepare(config: FinetuneConfig, folds: Folds, report: Report) -> _Task:
    if not folds.labels:
        raise DataError("nothing to learn", "training data", "no entity", "at least one")
    tags = tags_of(folds.labels)
    sentences = (*_with_swapped(config, folds.train), *_negatives(config, folds, report))
    report(
        f"{len(sentences)} sentences to train on, {len(folds.dev)} to choose by, {len(folds.labels)} labels"
    )
    model, tokenizer = read_checkpoint(find_base(config.base), tags, seed=config.train.seed)
    model, tokenizer = _trim(config, model, tokenizer, [sentence.text for sentence in folds.train])
    max_tokens = min(config.max_tokens, model.config.max_positions)
    data, dev = (
        encode_sentences(fold, tokenizer, tags, max_tokens=max_tokens) for fold in (sentences, folds.dev)
    )
    n_inexact = data.n_inexact + dev.n_inexact
    report(f"{n_inexact} entities begin or end inside a token and cannot be learnt exactly")
    return _Task(model, tokenizer, data, dev if folds.dev else None)


def _with_swapped(
    config: FinetuneConfig, sentences: tuple[AnnotatedSentence, ...]
) -> tuple[AnnotatedSentence, ...]:
    if config.swaps is None:
        return sentences
    return (*sentences, *iter_swapped(sentences, read_swaps(config.swaps), seed=config.train.seed))


def _negatives(config: FinetuneConfig, folds: Folds, report: Report) -> list[AnnotatedSentence]:
    if config.negatives is None:
        return []
    judged = {sentence.doc for sentence in (*folds.dev, *folds.held_out)}
    found = read_negatives(config.negatives, without=judged)
    report(f"{len(found)} sentences of other fields, taken as having no entity")
    return found


def _trim(
    config: FinetuneConfig, model: TokenClassifier, tokenizer: tokenizers.Tokenizer, texts: list[str]
) -> tuple[TokenClassifier, tokenizers.Tokenizer]:
    if config.vocab_size is None:
        return model, tokenizer
    trimmed = trim_vocabulary(
        tokenizer, texts, target_size=config.vocab_size, sample=read_sample(config.sample_text)
    )
    return trim_model(model, trimmed.kept_ids), trimmed.tokenizer


def read_sample(path: Path | None) -> list[str]:
    """Plain text, a paragraph a line; nothing where there is no file.

    :raises DataError: it cannot be read.
    """
    if path is None:
        return []
    try:
        return path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise DataError("sample text cannot be read", str(path), str(exc)) from exc


def _plan_lesson(config: FinetuneConfig, task: _Task, folds: Folds, report: Report) -> Plan | None:
    if config.teaching is None:
        return None
    max_tokens = min(config.max_tokens, task.model.config.max_positions)
    return plan_lesson(
        config.teaching,
        folds,
        task.data,
        task.tokenizer,
        data=config.data,
        max_tokens=max_tokens,
        device=config.train.device,
        report=report,
    )


def _sweep(partial: Path) -> None:
    """Remove what a training left that did not end even one epoch, but for what its teachers said."""
    if not partial.exists() or (partial / _STATE).exists():
        return
    for path in partial.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != _ANSWERS:
            path.unlink()


def _settings(config: FinetuneConfig, task: _Task, folds: Folds, lesson: Lesson | None) -> dict[str, Any]:
    """What is known before the first step."""
    return {
        "step": "train",
        "base": name_of_base(config.base),
        "data": [config.data.name, *(path.name for path in config.also)],
        "swaps": config.swaps is not None,
        "negatives": [] if config.negatives is None else [path.name for path in config.negatives.inputs],
        "sentences": len(task.data.sentences),
        "dev_sentences": len(folds.dev),
        "dev_is_carved": folds.dev_is_carved,
        "vocab_size": task.model.config.vocab_size,
        "settings": asdict(config.train),
        **({} if lesson is None else {"teaching": lesson.told}),
    }


def _summarise(result: TrainResult, *, seconds: float) -> dict[str, Any]:
    best = result.epochs[result.best_epoch - 1]
    return {
        "best_epoch": result.best_epoch,
        "dev_f1": None if best.scores is None else best.scores.f1,
        # Of this process; one that was interrupted took longer in all.
        "seconds": round(seconds, 1),
    }


def _publish(
    config: FinetuneConfig,
    partial: Path,
    result: TrainResult,
    tokenizer: tokenizers.Tokenizer,
    summary: dict[str, Any],
    identity: str,
) -> None:
    history = read_history(find_base(config.base))
    try:
        write_checkpoint(partial, result.model, tokenizer, (*history, summary))
        epochs = [asdict(epoch) for epoch in result.epochs]
        (partial / "training.json").write_text(
            json.dumps(summary | {"identity": identity, "epochs": epochs}, indent=2) + "\n", "utf-8"
        )
        if config.target.exists():
            config.target.rmdir()
        partial.replace(config.target)
        # Last of all: until the folder has its name, a repeated command goes on from here.
        for name in (_STATE, _ANSWERS):
            (config.target / name).unlink(missing_ok=True)
    except OSError as exc:
        raise CheckpointError("cannot be written", str(config.target), str(exc)) from exc


def _read_finished(target: Path, identity: str) -> TrainResult:
    try:
        training = json.loads((target / "training.json").read_text("utf-8"))
        epochs = tuple(EpochScore.from_dict(epoch) for epoch in training["epochs"])
        best_epoch, found = training["best_epoch"], training["identity"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CheckpointError("no training can be read", str(target), str(exc)) from exc
    if found != identity:
        raise CheckpointError(
            "holds a training of other data or settings", str(target), advice="name a new folder"
        )
    return TrainResult(read_checkpoint(target)[0], epochs, best_epoch)


def check_target(target: Path) -> None:
    """Nothing may be overwritten.

    :raises CheckpointError: there is something already.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CheckpointError("target is not empty", str(target), advice="name a new folder")
