"""Responsible for importance by the size of a unit's own weights; no data is looked at.

A unit's importance is the sum over all its weights, of squares (L2) or of absolute values (L1), so that
heads and neurons compare by the mass that goes with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from torch import Tensor

from compress.encoder import Layer, TokenClassifier
from compress.features import Window
from compress.pruning.iterate import PruneConfig, PrunedModel
from compress.pruning.masks import Masks
from compress.pruning.methods.method import Task
from compress.pruning.search import search

Floats = npt.NDArray[np.float32]


def compress_l2(task: Task) -> PrunedModel:
    """Remove what has the smallest sum of squared weights."""
    return _compress(task, Tensor.square)


def compress_l1(task: Task) -> PrunedModel:
    """Remove what has the smallest sum of absolute weights."""
    return _compress(task, Tensor.abs)


def _compress(task: Task, mass: Callable[[Tensor], Tensor]) -> PrunedModel:
    def choose(
        model: TokenClassifier, _windows: Sequence[Window], affordable: int, config: PruneConfig, _seed: int
    ) -> Masks:
        heads = [_head_mass(layer, mass) for layer in model.layers]  # type: ignore[arg-type]
        neurons = [_neuron_mass(layer, mass) for layer in model.layers]  # type: ignore[arg-type]
        return search(model.config, heads, neurons, affordable=affordable, group=config.group)

    return task.prune(choose)


def _head_mass(layer: Layer, mass: Callable[[Tensor], Tensor]) -> Floats:
    """*Shape:* ``(heads,)``"""
    rows = sum(mass(linear.weight.detach()).sum(dim=1) for linear in (layer.query, layer.key, layer.value))
    each = rows + mass(layer.attention_output.weight.detach()).sum(dim=0)
    summed: Floats = each.view(layer.n_heads, layer.head_width).sum(dim=1).numpy()
    return summed


def _neuron_mass(layer: Layer, mass: Callable[[Tensor], Tensor]) -> Floats:
    """*Shape:* ``(neurons,)``"""
    summed: Floats = (
        mass(layer.up.weight.detach()).sum(dim=1) + mass(layer.down.weight.detach()).sum(dim=0)
    ).numpy()
    return summed
