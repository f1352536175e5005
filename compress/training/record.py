"""Responsible for what a training leaves beside its checkpoint, in a folder that says when it began.

``settings.json``
    what was trained, on what, how, and on which machine; known before the first step.
``log.txt``
    a line an event, with its time; a training that went on after an interruption adds to it.
``epochs.jsonl``, ``labels.jsonl``
    loss and dev scores of every epoch; the same by label.
``curves.svg``
    loss and scores by epoch, drawn anew after each.
``confusion.tsv``, ``errors.jsonl``, ``errors.txt``
    what the kept epoch got wrong on dev (:mod:`extract.mistakes`).
"""

from __future__ import annotations

import csv
import io
import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from compress.errors import CheckpointError
from compress.training.course import EpochScore
from compress.training.curves import draw_curves
from extract.annotations import AnnotatedSentence
from extract.mistakes import confusion_table, find_mistakes, write_mistakes
from extract.score import SpanLike

_PREFIX = "training-"


class TrainingRecord:
    """A folder that fills as a training goes on."""

    def __init__(self, folder: Path, settings: Mapping[str, Any], epochs: Sequence[EpochScore] = ()) -> None:
        """:param epochs: done before, where the training goes on."""
        self.folder = folder
        self.epochs = list(epochs)
        write_text(
            folder / "settings.json", json.dumps({**settings, "machine": describe_machine()}, indent=2) + "\n"
        )
        self.note("began" if not self.epochs else f"goes on after epoch {self.epochs[-1].epoch}")

    def note(self, line: str) -> None:
        """Add an event to the log."""
        add_line(self.folder / "log.txt", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}")

    def add(self, epoch: EpochScore) -> None:
        """Take in an epoch that is over."""
        self.epochs.append(epoch)
        self.note(line_of_epoch(epoch))
        self._write_epochs()

    def end(self, sentences: Sequence[AnnotatedSentence], found: Sequence[Sequence[SpanLike]]) -> None:
        """Write what the kept epoch got wrong, where it was asked anything."""
        self._write_epochs()
        if sentences:
            write_errors(self.folder, sentences, found)
        self.note("ended")

    def _write_epochs(self) -> None:
        """All of it each time: whatever an interruption left half done is made good."""
        rows, labels = [], []
        for epoch in self.epochs:
            scores = {} if epoch.scores is None else epoch.scores.to_dict()
            per_label = scores.pop("per_label", {})
            rows.append({"epoch": epoch.epoch, "loss": epoch.loss, **scores})
            labels += [{"epoch": epoch.epoch, "label": label, **row} for label, row in per_label.items()]
        write_lines(self.folder / "epochs.jsonl", rows)
        write_lines(self.folder / "labels.jsonl", labels)
        write_text(self.folder / "curves.svg", draw_curves(self.epochs, "training"))


def open_folder(partial: Path, prefix: str = _PREFIX) -> Path:
    """The record's folder in an unfinished checkpoint: the one that is there, else one named after now."""
    there = sorted(partial.glob(f"{prefix}*"))
    folder = there[-1] if there else partial / f"{prefix}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise CheckpointError("cannot be written", str(folder), str(exc)) from exc
    return folder


def add_line(path: Path, line: str) -> None:
    """Add a line to a file.

    :raises CheckpointError: it cannot be written.
    """
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as exc:
        raise CheckpointError("log cannot be written", str(path.parent), str(exc)) from exc


def line_of_epoch(epoch: EpochScore) -> str:
    """An epoch in one line, for people."""
    scores = epoch.scores
    dev = f", dev F1 {scores.f1:.4f} ({scores.precision:.3f}, {scores.recall:.3f})" if scores else ""
    return f"epoch {epoch.epoch}: loss {epoch.loss:.4f}{dev}"


def write_errors(
    folder: Path, sentences: Sequence[AnnotatedSentence], found: Sequence[Sequence[SpanLike]]
) -> None:
    """Write the confusion table, and the errors for machines and for people.

    :raises CheckpointError, OutputError: a file cannot be written.
    """
    mistakes = find_mistakes(sentences, found)
    table = confusion_table(sentences, mistakes)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]), delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    write_text(folder / "confusion.tsv", text.getvalue())
    for name in ("errors.jsonl", "errors.txt"):
        write_mistakes(folder / name, mistakes)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON Lines.

    :raises CheckpointError: they cannot be written.
    """
    write_text(path, "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows))


def write_text(path: Path, text: str) -> None:
    """Write a file of the record.

    :raises CheckpointError: it cannot be written.
    """
    try:
        path.write_text(text, "utf-8", errors="backslashreplace")
    except OSError as exc:
        raise CheckpointError("cannot be written", str(path), str(exc)) from exc


def describe_machine() -> dict[str, Any]:
    """What else the very bits of a result depend on. Never the machine's name."""
    return {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
