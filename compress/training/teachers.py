"""Responsible for asking teachers: fine-tuned checkpoints whose averaged answers a student learns from.

Each teacher reads with its own tokenizer; where that is not the student's, its answers are carried over by
characters (:mod:`compress.training.carry`). All must know the student's labels, no more and no fewer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tokenizers

from compress.checkpoint import read_checkpoint
from compress.device import CPU, device_of
from compress.encoder import TokenClassifier
from compress.errors import CheckpointError
from compress.features import Features, IntArray, encode_sentences
from compress.folds import Report
from compress.precision import has_bf16
from compress.predict import decode_mentions, sentence_logits, window_logits
from compress.training.answers import Answers, Halves, log_halves
from compress.training.carry import carry_answers
from extract.annotations import AnnotatedSentence
from extract.records import Mention

Floats = npt.NDArray[np.float32]

# Sentences that are answered together: enough to fill batches of one length, few enough for their logits.
_CHUNK = 2048
_TRIALS = "summary.json"


@dataclass(frozen=True)
class Teacher:
    """A fine-tuned model that is asked, not changed."""

    name: str
    """Of its folder."""
    model: TokenClassifier
    tokenizer: tokenizers.Tokenizer
    columns: tuple[int, ...]
    """Its column of each of the student's tags."""
    sha256: str
    """Of its weights, settings and tokenizer."""


def find_teachers(paths: Sequence[Path]) -> list[Path]:
    """Checkpoint folders: the ones given, and those inside a folder of several trainings.

    :raises CheckpointError: such a folder's summary cannot be read.
    """
    return [teacher for path in paths for teacher in _inside(path)]


def _inside(path: Path) -> list[Path]:
    summary = path / _TRIALS
    if (path / "config.json").exists() or not summary.is_file():
        return [path]
    try:
        return [path / trial["name"] for trial in json.loads(summary.read_text("utf-8"))["trials"]]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CheckpointError("trainings cannot be read", str(summary), str(exc)) from exc


def open_teachers(paths: Sequence[Path], tags: tuple[str, ...], *, device: str = CPU) -> list[Teacher]:
    """The teachers in these folders, or in folders of several trainings, for a student of ``tags``.

    :raises CheckpointError: one cannot be read, or knows other labels.
    """
    return [_open(path, tags, device) for path in find_teachers(paths)]


def _open(path: Path, tags: tuple[str, ...], device: str) -> Teacher:
    if not path.is_dir():
        raise CheckpointError("no teacher", str(path), "no folder", "a fine-tuned checkpoint's folder")
    model, tokenizer = read_checkpoint(path)
    own = model.config.labels
    if set(own) != set(tags):
        raise CheckpointError(
            "teacher knows other labels",
            str(path),
            _difference(own, tags),
            "the labels of the annotated sentences",
            "train the teacher on the same labels",
        )
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.contiguous().numpy().data)
    digest.update(repr(own).encode() + tokenizer.to_str().encode("utf-8", "surrogatepass"))
    columns = tuple(map(own.index, tags))
    return Teacher(path.name, model.to(device), tokenizer, columns, digest.hexdigest())


def _difference(own: Sequence[str], tags: Sequence[str]) -> str:
    labels, wanted = ({tag[2:] for tag in names if tag != "O"} for names in (own, tags))
    more, fewer = sorted(labels - wanted), sorted(wanted - labels)
    told = [f"{word} {', '.join(names[:5])}" for word, names in (("also", more), ("not", fewer)) if names]
    return "; ".join(told) or "tags other than B- and I- of each label"


def ask_teachers(
    teachers: Sequence[Teacher],
    features: Features,
    tokenizer: tokenizers.Tokenizer,
    *,
    max_tokens: int = 256,
    report: Report = lambda line: None,
) -> Answers:
    """What the teachers say of each sentence, averaged, on the tokens of ``tokenizer``.

    :param features: the sentences as the student reads them; their entities are not looked at.
    :param report: told how many sentences are answered, now and then.
    """
    spelling = tokenizer.to_str()
    own_tokens = [teacher.tokenizer.to_str() != spelling for teacher in teachers]
    logs: list[Halves] = []
    agreed: list[bool] = []
    for start in range(0, len(features.sentences), _CHUNK):
        sentences = [replace(one, entities=()) for one in features.sentences[start : start + _CHUNK]]
        bounds = features.offsets[start : start + _CHUNK]
        asked = [_ask(teacher, sentences, max_tokens) for teacher in teachers]
        parts = [
            _carry(one, bounds, features.tags) if foreign else one.answers
            for one, foreign in zip(asked, own_tokens, strict=True)
        ]
        logs += [log_halves(np.mean(rows, axis=0)) for rows in zip(*parts, strict=True)]
        agreed += [len(set(found)) == 1 for found in zip(*(one.found for one in asked), strict=True)]
        report(f"{len(logs)} of {len(features.sentences)} sentences answered")
    return Answers(tuple(logs), np.array(agreed, dtype=bool))


@dataclass(frozen=True)
class _Asked:
    """What one teacher says of some sentences."""

    features: Features
    """The sentences as it reads them."""
    answers: list[Floats]
    """Probabilities ``(its tokens, the student's tags)`` of each."""
    found: list[tuple[Mention, ...]]


def _ask(teacher: Teacher, sentences: Sequence[AnnotatedSentence], max_tokens: int) -> _Asked:
    model = teacher.model
    longest = min(max_tokens, model.config.max_positions)
    features = encode_sentences(sentences, teacher.tokenizer, model.config.labels, max_tokens=longest)
    logits = window_logits(model, features.windows, batch_size=64, bf16=has_bf16(device_of(model).type))
    columns = list(teacher.columns)
    answers = [_softmax(rows[:, columns]) for rows in sentence_logits(features, logits)]
    return _Asked(features, answers, decode_mentions(features, logits))


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def _carry(asked: _Asked, bounds: Sequence[IntArray], tags: tuple[str, ...]) -> list[Floats]:
    return [
        carry_answers(rows, theirs, ours, sentence.text, tags)
        for rows, theirs, ours, sentence in zip(
            asked.answers, asked.features.offsets, bounds, asked.features.sentences, strict=True
        )
    ]
