"""Responsible for which sentences a model is trained on, chosen by and judged on. Documents stay whole.

Sentences of one document resemble each other; in two parts they would make every score too good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compress.errors import DataError
from extract.annotations import AnnotatedSentence, find_split, labels_of, read_annotations

# Share of the sentences that become the dev part where the data has none.
_DEV_SHARE = 0.1

Report = Callable[[str], None]


@dataclass(frozen=True)
class Folds:
    """Annotated sentences by use."""

    train: tuple[AnnotatedSentence, ...]
    dev: tuple[AnnotatedSentence, ...]
    """Chooses the best epoch, and is never trained on; empty where all is learnt from."""
    dev_is_carved: bool
    """Whether dev was taken out of the training data for want of a file."""
    labels: tuple[str, ...]
    """What the model is to know, sorted."""
    held_out: tuple[AnnotatedSentence, ...] = ()
    """The part of a cross-validation that this model neither learns from nor is chosen by."""


def read_folds(
    data: Path, also: Sequence[Path] = (), *, with_dev: bool = False, report: Report = lambda line: None
) -> Folds:
    """Training and dev sentences; without a dev file, a tenth of the documents is set aside for it.

    ``with_dev`` trains on those of dev too, and leaves nothing to choose by.

    :raises AnnotationError: a file cannot be read. :raises DataError: there is nothing to train on.
    """
    sentences, dev = _read_train_and_dev(data, report)
    sentences += _read_all(also, report)
    if not sentences:
        raise DataError(
            "nothing to train on", str(data), "no train file", "train.jsonl, train.tsv or train.json"
        )
    if with_dev:
        sentences += dev
        return Folds(tuple(sentences), (), dev_is_carved=False, labels=labels_of(sentences))
    if dev:
        return Folds(tuple(sentences), tuple(dev), dev_is_carved=False, labels=labels_of(sentences))
    train, carved = _carve(sentences)
    return Folds(tuple(train), tuple(carved), dev_is_carved=True, labels=labels_of(sentences))


def read_cross_folds(
    data: Path, also: Sequence[Path] = (), *, n_folds: int, report: Report = lambda line: None
) -> list[Folds]:
    """``n_folds`` ways to hold out a part of the train and dev files, by document.

    Each part is held out once. A tenth of the others' documents chooses the epoch, so that what is held out
    has no say. Sentences of ``also`` are trained on each time and never held out.

    :raises AnnotationError: a file cannot be read. :raises DataError: fewer documents than folds.
    """
    train, dev = _read_train_and_dev(data, report)
    more = _read_all(also, report)
    pool = train + dev
    folds = []
    for held_out in _partition(pool, n_folds, str(data)):
        left = [sentence for sentence in (*pool, *more) if sentence.doc not in held_out]
        learnt, chosen_by = _carve(left)
        judged = tuple(sentence for sentence in pool if sentence.doc in held_out)
        labels = labels_of([*pool, *more])
        folds.append(Folds(tuple(learnt), tuple(chosen_by), True, labels, judged))
    return folds


def _read_train_and_dev(
    data: Path, report: Report
) -> tuple[list[AnnotatedSentence], list[AnnotatedSentence]]:
    if data.is_file():
        return read_annotations(data, report=report), []
    train, dev = (_read_all([path] if path else [], report) for path in _split_paths(data))
    return train, dev


def _split_paths(data: Path) -> tuple[Path | None, Path | None]:
    return find_split(data, "train"), find_split(data, "dev")


def _read_all(paths: Iterable[Path], report: Report) -> list[AnnotatedSentence]:
    return [sentence for path in paths for sentence in read_annotations(path, report=report)]


def _carve(
    sentences: Sequence[AnnotatedSentence],
) -> tuple[list[AnnotatedSentence], list[AnnotatedSentence]]:
    """Set whole documents aside, in an order that depends on their names alone."""
    by_doc = _group(sentences)
    if len(by_doc) < 2:
        raise DataError("no dev data", "training data", "one document", "two or more", "add a dev file")
    held: list[AnnotatedSentence] = []
    names = sorted(by_doc, key=_lot)
    while len(held) < _DEV_SHARE * len(sentences) and len(by_doc) > 1:
        held += by_doc.pop(names.pop(0))
    return [sentence for sentence in sentences if sentence.doc in by_doc], held


def _partition(sentences: Sequence[AnnotatedSentence], n_folds: int, where: str) -> list[set[str]]:
    """Documents in parts of nearly equal numbers of sentences, by their names and sizes alone."""
    by_doc = _group(sentences)
    if len(by_doc) < n_folds:
        raise DataError("too few documents", where, str(len(by_doc)), f"{n_folds} or more, one for each fold")
    parts: list[set[str]] = [set() for _ in range(n_folds)]
    sizes = [0] * n_folds
    for doc in sorted(by_doc, key=lambda doc: (-len(by_doc[doc]), _lot(doc))):
        smallest = sizes.index(min(sizes))
        parts[smallest].add(doc)
        sizes[smallest] += len(by_doc[doc])
    return parts


def _group(sentences: Iterable[AnnotatedSentence]) -> dict[str, list[AnnotatedSentence]]:
    by_doc: dict[str, list[AnnotatedSentence]] = {}
    for sentence in sentences:
        by_doc.setdefault(sentence.doc, []).append(sentence)
    return by_doc


def _lot(doc: str) -> bytes:
    return hashlib.sha256(doc.encode("utf-8", "surrogatepass")).digest()
