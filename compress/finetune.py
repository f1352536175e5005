"""Responsible for fine-tuning as a whole: from a checkpoint and a data folder to a new checkpoint folder.

Steps, in order: read the data, read the checkpoint, trim its vocabulary, train, write. The folder appears
whole or not at all. Beside the checkpoint it holds ``training.json``: settings, and the scores on dev by
epoch and by label.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tokenizers

from compress.bases import find_base, name_of_base
from compress.checkpoint import read_checkpoint, read_history, write_checkpoint
from compress.encoder import TokenClassifier
from compress.errors import CheckpointError, DataError
from compress.features import encode_sentences
from compress.swaps import iter_swapped, read_swaps
from compress.train import EpochScore, Progress, TrainConfig, TrainResult, train
from compress.vocabulary import trim_model, trim_vocabulary
from extract.annotations import AnnotatedSentence, find_split, labels_of, read_annotations, tags_of

# Share of the sentences that become the dev fold where the data has none.
_DEV_SHARE = 0.1


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
    """Table of names by which counterfactual sentences are added (:mod:`compress.swaps`)."""
    vocab_size: int | None = None
    """Trim a WordPiece vocabulary to about this many pieces; None keeps it whole."""
    sample_text: Path | None = None
    """Plain text of the field, one paragraph a line, by which the pieces to keep are chosen."""
    max_tokens: int = 256
    """Longest window in tokens, the two special ones included."""
    train: TrainConfig = field(default_factory=TrainConfig)


@dataclass(frozen=True)
class Folds:
    """Annotated sentences by use."""

    train: tuple[AnnotatedSentence, ...]
    dev: tuple[AnnotatedSentence, ...]
    """Chooses the best epoch, and is never trained on."""
    dev_is_carved: bool
    """Whether dev was taken out of the training data for want of a file."""


def finetune(
    config: FinetuneConfig,
    *,
    report: Callable[[str], None] = lambda line: None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[EpochScore], None] | None = None,
) -> TrainResult:
    """Train and write the new checkpoint.

    :param report: told one line as each part begins.
    :raises AnnotationError, CheckpointError, DataError: nothing is written then.
    """
    _check_target(config.target)
    folds = read_folds(config.data, config.also, report=report)
    tags = tags_of(labels_of(folds.train))
    sentences = _with_swapped(config, folds.train)
    report(f"{len(sentences)} sentences to train on, {len(folds.dev)} to choose by, {len(tags) // 2} labels")
    model, tokenizer = read_checkpoint(find_base(config.base), tags, seed=config.train.seed)
    model, tokenizer = _trim(config, model, tokenizer, [sentence.text for sentence in folds.train])
    max_tokens = min(config.max_tokens, model.config.max_positions)
    data, dev = (
        encode_sentences(fold, tokenizer, tags, max_tokens=max_tokens) for fold in (sentences, folds.dev)
    )
    report(
        f"{data.n_inexact + dev.n_inexact} entities begin or end inside a token and cannot be learnt exactly"
    )
    started = time.monotonic()
    result = train(config.train, model, data, dev, on_step=on_step, on_epoch=on_epoch)
    summary = _summarise(config, len(sentences), folds, result, seconds=time.monotonic() - started)
    _publish(config, result, tokenizer, summary)
    return result


def read_folds(
    data: Path, also: Sequence[Path] = (), *, report: Callable[[str], None] = lambda line: None
) -> Folds:
    """Training and dev sentences; without a dev file, a tenth of the documents is set aside for it.

    :raises AnnotationError: a file cannot be read. :raises DataError: there is nothing to train on.
    """
    train_path = data if data.is_file() else find_split(data, "train")
    dev_path = None if data.is_file() else find_split(data, "dev")
    if train_path is None and not also:
        raise DataError(
            "nothing to train on", str(data), "no train file", "train.jsonl, train.tsv or train.json"
        )
    files = [path for path in (train_path, *also) if path is not None]
    sentences = [sentence for path in files for sentence in read_annotations(path, report=report)]
    if dev_path is not None:
        return Folds(tuple(sentences), tuple(read_annotations(dev_path, report=report)), dev_is_carved=False)
    return _carve(sentences)


def _carve(sentences: list[AnnotatedSentence]) -> Folds:
    """Set whole documents aside, in an order that depends on their names alone."""
    by_doc: dict[str, list[AnnotatedSentence]] = {}
    for sentence in sentences:
        by_doc.setdefault(sentence.doc, []).append(sentence)
    if len(by_doc) < 2:
        raise DataError("no dev data", "training data", "one document", "two or more", "add a dev file")
    held: list[AnnotatedSentence] = []
    names = sorted(by_doc, key=lambda doc: hashlib.sha256(doc.encode("utf-8", "surrogatepass")).digest())
    while len(held) < _DEV_SHARE * len(sentences) and len(by_doc) > 1:
        held += by_doc.pop(names.pop(0))
    return Folds(tuple(s for s in sentences if s.doc in by_doc), tuple(held), dev_is_carved=True)


def _with_swapped(
    config: FinetuneConfig, sentences: tuple[AnnotatedSentence, ...]
) -> tuple[AnnotatedSentence, ...]:
    if config.swaps is None:
        return sentences
    return (*sentences, *iter_swapped(sentences, read_swaps(config.swaps), seed=config.train.seed))


def _trim(
    config: FinetuneConfig, model: TokenClassifier, tokenizer: tokenizers.Tokenizer, texts: list[str]
) -> tuple[TokenClassifier, tokenizers.Tokenizer]:
    if config.vocab_size is None:
        return model, tokenizer
    trimmed = trim_vocabulary(
        tokenizer, texts, target_size=config.vocab_size, sample=_read_sample(config.sample_text)
    )
    return trim_model(model, trimmed.kept_ids), trimmed.tokenizer


def _read_sample(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        return path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as exc:
        raise DataError("sample text cannot be read", str(path), str(exc)) from exc


def _summarise(
    config: FinetuneConfig, n_sentences: int, folds: Folds, result: TrainResult, *, seconds: float
) -> dict[str, Any]:
    best = result.epochs[result.best_epoch - 1]
    return {
        "step": "train",
        "base": name_of_base(config.base),
        "data": [config.data.name, *(path.name for path in config.also)],
        "swaps": config.swaps is not None,
        "sentences": n_sentences,
        "dev_sentences": len(folds.dev),
        "dev_is_carved": folds.dev_is_carved,
        "vocab_size": result.model.config.vocab_size,
        "settings": asdict(config.train),
        "best_epoch": result.best_epoch,
        "dev_f1": None if best.scores is None else best.scores.f1,
        "seconds": round(seconds, 1),
    }


def _publish(
    config: FinetuneConfig,
    result: TrainResult,
    tokenizer: tokenizers.Tokenizer,
    summary: dict[str, Any],
) -> None:
    history = read_history(find_base(config.base))
    partial = config.target.with_name(config.target.name + ".partial")
    try:
        if partial.exists():
            shutil.rmtree(partial)
        partial.parent.mkdir(parents=True, exist_ok=True)
        write_checkpoint(partial, result.model, tokenizer, (*history, summary))
        epochs = [asdict(epoch) for epoch in result.epochs]
        (partial / "training.json").write_text(
            json.dumps(summary | {"epochs": epochs}, indent=2) + "\n", "utf-8"
        )
        if config.target.exists():
            config.target.rmdir()
        partial.replace(config.target)
    except OSError as exc:
        raise CheckpointError("cannot be written", str(config.target), str(exc)) from exc


def _check_target(target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise CheckpointError("target is not empty", str(target), advice="name a new folder")
