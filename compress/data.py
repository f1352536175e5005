"""Responsible for annotated data by its use in a build: what is calibrated on, and what is scored on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from compress.errors import DataError
from compress.folds import read_folds
from extract.annotations import AnnotatedSentence, find_split, read_annotations

Split = Literal["dev", "test"]


@dataclass(frozen=True)
class Data:
    """Annotated data by its use."""

    train: list[AnnotatedSentence]
    held_out: list[AnnotatedSentence]
    """``test`` where there is one, else ``dev``, else a fold set aside; never calibrated on."""
    held_out_path: Path
    """The file they are from."""


def read_data(path: Path) -> Data:
    """What to calibrate and to score on: ``test`` where there is one, else as :func:`read_split` of ``dev``.

    :raises DataError, AnnotationError: as :func:`read_split`.
    """
    has_test = not path.is_file() and find_split(path, "test") is not None
    return read_split(path, "test" if has_test else "dev")


def read_split(path: Path, split: Split) -> Data:
    """Training sentences, and those of the split that is scored on: a folder's files, or one file's folds.

    Without a dev file, the tenth of the training documents that training sets aside too is scored on.

    :raises DataError: there is nothing to calibrate on, or nothing annotated to score on.
    :raises AnnotationError: there is no such folder, or a file is wrong.
    """
    scored, train = (None, path) if path.is_file() else (find_split(path, split), find_split(path, "train"))
    if train is None:
        expected = "a train file, or one annotated file"
        raise DataError("nothing to calibrate on", str(path), "no train file", expected)
    if scored is not None:
        data = Data(read_annotations(train), read_annotations(scored), scored)
    elif split == "test":
        raise DataError("nothing to score on", str(path), "no test file", "a folder with a test file")
    else:
        folds = read_folds(train)
        data = Data(list(folds.train), list(folds.dev), train)
    if not any(sentence.entities for sentence in data.held_out):
        got = f"{len(data.held_out)} sentences without one"
        raise DataError("no entities to score on", str(data.held_out_path), got, "annotated entities")
    return data
