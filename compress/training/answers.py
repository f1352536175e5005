"""Responsible for teachers' answers to sentences, and their file beside the state of a training.

Asking the teachers takes minutes, so it is done once: a training that goes on reads the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from compress.errors import CheckpointError
from compress.features import Features, IntArray

Halves = npt.NDArray[np.float16]

LEAST = 1e-6
"""Probabilities below are taken as this much: float16 holds their logarithm well enough."""


@dataclass(frozen=True)
class Answers:
    """What teachers say of sentences, on the average."""

    logs: tuple[Halves, ...]
    """For each sentence ``(tokens, tags)``, the student's tokens: logarithms of the averaged probabilities.
    A row of NaN: nothing is said of this token."""
    agreed: npt.NDArray[np.bool_]
    """For each sentence, whether all teachers find the same entities."""

    def select(self, indices: Sequence[int] | IntArray) -> Answers:
        """Those to some of the sentences."""
        chosen = np.asarray(indices, dtype=np.int64)
        return Answers(tuple(self.logs[index] for index in chosen), self.agreed[chosen])


def log_halves(probabilities: npt.NDArray[np.float32]) -> Halves:
    """Logarithms in half precision; NaN stays."""
    return np.log(np.maximum(probabilities, LEAST)).astype(np.float16)


def window_answers(answers: Answers, features: Features) -> list[Halves]:
    """Answers by window ``(tokens + 2, tags)``; nothing is said of the special tokens at both ends."""
    by_window = []
    silence = np.full((1, len(features.tags)), np.nan, np.float16)
    for window in features.windows:
        start = window.first - (window.own.start - 1)
        rows = answers.logs[window.sentence][start : start + len(window.input_ids) - 2]
        by_window.append(np.concatenate([silence, rows, silence]))
    return by_window


def write_answers(path: Path, answers: Answers, key: str) -> None:
    """Put the answers into a file, whole or not at all.

    :param key: tells what was asked, and of whom.
    :raises CheckpointError: it cannot be written.
    """
    fresh = path.with_name(path.name + ".new")
    tensors: dict[str, npt.NDArray[Any]] = {
        "logs": np.concatenate(answers.logs) if answers.logs else np.empty((0, 0), np.float16),
        "lengths": np.array([len(rows) for rows in answers.logs], np.int64),
        "agreed": answers.agreed.astype(np.uint8),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        safetensors.numpy.save_file(tensors, fresh, metadata={"key": key})
        fresh.replace(path)
    except (OSError, safetensors.SafetensorError) as exc:
        raise CheckpointError("teachers' answers cannot be written", str(path), str(exc)) from exc


def read_answers(path: Path, key: str) -> Answers | None:
    """The answers in a file; None where there is none, or it holds answers to something else.

    :raises CheckpointError: it cannot be read.
    """
    if not path.exists():
        return None
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("key") != key:
                return None
            logs, lengths, agreed = (file.get_tensor(name) for name in ("logs", "lengths", "agreed"))
    except (OSError, safetensors.SafetensorError) as exc:
        raise CheckpointError(
            "teachers' answers cannot be read", str(path), str(exc), advice="remove the file to ask again"
        ) from exc
    pieces = np.split(logs, np.cumsum(lengths)[:-1]) if len(lengths) else []
    return Answers(tuple(pieces), agreed.astype(bool))
