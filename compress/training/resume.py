"""Responsible for the state of a training on disk: one safetensors file, replaced whole after every epoch.

It holds all that decides what comes next (weights, moments of the optimiser, random generators, epochs so
far), and an identity of what was begun: a state is never continued with other data or settings.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from compress.encoder import TokenClassifier
from compress.errors import CheckpointError
from compress.features import Features

_VALUES = "values"


@dataclass(frozen=True)
class TrainState:
    """A training between two epochs."""

    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]
    """Whatever else there is; JSON."""


def identify(
    settings: Mapping[str, Any],
    model: TokenClassifier,
    data: Features,
    dev: Features | None,
    teacher_logits: Sequence[npt.NDArray[np.float32] | npt.NDArray[np.float16]] | None = None,
) -> str:
    """SHA-256 of all that a training's result depends on, the machine apart."""
    digest = hashlib.sha256(json.dumps([dict(settings), torch.__version__], sort_keys=True).encode())
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().data)
    for features in (data, dev):
        if features is None:
            continue
        digest.update(repr((features.tags, features.sentences)).encode("utf-8", "surrogatepass"))
        for window in features.windows:
            digest.update(window.input_ids.tobytes() + window.tag_ids.tobytes())
    for logits in teacher_logits or ():
        digest.update(logits.tobytes())
    return digest.hexdigest()


def write_state(path: Path, state: TrainState, identity: str) -> None:
    """Put the state in place of the one before; a crash leaves either, whole.

    :raises CheckpointError: it cannot be written.
    """
    fresh = path.with_name(path.name + ".new")
    tensors = {name: value.detach().contiguous() for name, value in state.tensors.items()}
    metadata = {"identity": identity, _VALUES: json.dumps(dict(state.values))}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        safetensors.torch.save_file(tensors, fresh, metadata=metadata)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    except (OSError, safetensors.SafetensorError) as exc:
        raise CheckpointError("state of the training cannot be written", str(path), str(exc)) from exc


def read_state(path: Path, identity: str) -> TrainState | None:
    """The state to go on from; None where there is none.

    :raises CheckpointError: it cannot be read, or belongs to a training of other data or settings.
    """
    if not path.exists():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            values = json.loads(metadata[_VALUES])
    except (OSError, safetensors.SafetensorError, KeyError, ValueError) as exc:
        raise CheckpointError(
            "state of a training cannot be read", str(path), str(exc), advice="remove it to begin anew"
        ) from exc
    if metadata.get("identity") != identity:
        raise CheckpointError(
            "a training of other data or settings was interrupted here",
            str(path.parent),
            advice="repeat its command to end it, or remove the folder",
        )
    return TrainState(tensors, values)


def add_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by longer names."""
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def drop_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of that prefix, by their own names."""
    start = len(prefix) + 1
    return {name[start:]: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}


def join_states(*states: TrainState) -> TrainState:
    """One state of several that have no name in common."""
    tensors: dict[str, Tensor] = {}
    values: dict[str, Any] = {}
    for state in states:
        tensors |= state.tensors
        values |= state.values
    return TrainState(tensors, values)
