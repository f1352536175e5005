"""Responsible for importance by ablation: what the loss gains when a unit is left out (Michel et al. 2019,
https://arxiv.org/abs/1905.10650, for heads).

A head is left out by itself. Neurons are left out in blocks of equal size, neighbours by the mass of their
weights, because one forward pass over the sample for each of thousands would take hours; a block's gain is
shared evenly among its neurons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from compress.batches import Batch, sorted_batches
from compress.encoder import TokenClassifier
from compress.errors import DataError
from compress.features import IGNORED, Window
from compress.pruning.iterate import PruneConfig, PrunedModel
from compress.pruning.masks import Masks
from compress.pruning.methods.method import Task
from compress.pruning.recall import Recall
from compress.pruning.search import search

Floats = npt.NDArray[np.float32]

BLOCKS = 16
"""Blocks of neurons a layer."""


def compress(task: Task) -> PrunedModel:
    """Remove what the loss misses least."""
    return task.prune(partial(choose_by_loss, recall=task.recall))


def choose_by_loss(
    model: TokenClassifier,
    windows: Sequence[Window],
    affordable: int,
    config: PruneConfig,
    seed: int,
    recall: Recall | None = None,
) -> Masks:
    """Masks under the budget, judged on ``windows``.

    :raises DataError: no tag to lose anything on.
    """

    def measure() -> tuple[list[Floats], list[Floats]]:
        yard = Yardstick(model, windows)
        layers = range(model.config.n_layers)
        return [_head_gains(yard, model, index) for index in layers], [
            _neuron_gains(yard, model, index) for index in layers
        ]

    heads, neurons = recall.get("loss increase", model, windows, seed, measure) if recall else measure()
    return search(model.config, heads, neurons, affordable=affordable, group=config.group)


class Yardstick:
    """The loss of a model on a fixed sample, with this or that left out."""

    def __init__(self, model: TokenClassifier, windows: Sequence[Window], batch_size: int = 32) -> None:
        self._model = model.eval()
        self._batches = list(sorted_batches(windows, batch_size))
        if not any((batch.tag_ids != IGNORED).any() for batch in self._batches):
            raise DataError("nothing to score by", "calibration data", "no tagged token", "at least one")
        self.dense = self.loss()

    def loss(self, heads: list[Tensor] | None = None, neurons: list[Tensor] | None = None) -> float:
        """Mean cross-entropy a tagged token, under masks ``(units,)`` a layer."""
        total = 0.0
        count = 0
        with torch.inference_mode():
            for batch in self._batches:
                logits = self._model(batch.input_ids, batch.attention_mask, heads, neurons)
                total += float(_summed_loss(logits, batch))
                count += int((batch.tag_ids != IGNORED).sum())
        return total / count


def _summed_loss(logits: Tensor, batch: Batch) -> Tensor:
    return nn.functional.cross_entropy(
        logits.flatten(0, 1), batch.tag_ids.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def _head_gains(yard: Yardstick, model: TokenClassifier, layer: int) -> Floats:
    """*Shape:* ``(heads,)``"""
    masks = Masks.keep_all(model.config).head_tensors()
    gains = np.zeros(model.config.heads_per_layer[layer], np.float32)
    for head in range(len(gains)):
        masks[layer][head] = 0
        gains[head] = yard.loss(heads=masks) - yard.dense
        masks[layer][head] = 1
    return gains


def _neuron_gains(yard: Yardstick, model: TokenClassifier, layer: int) -> Floats:
    """*Shape:* ``(neurons,)``"""
    masks = Masks.keep_all(model.config).neuron_tensors()
    gains = np.zeros(model.config.neurons_per_layer[layer], np.float32)
    for block in _blocks(model, layer):
        masks[layer][torch.from_numpy(block)] = 0
        gains[block] = (yard.loss(neurons=masks) - yard.dense) / len(block)
        masks[layer][torch.from_numpy(block)] = 1
    return gains


def _blocks(model: TokenClassifier, layer: int) -> Iterator[npt.NDArray[np.int64]]:
    """Neurons of one layer, neighbours by mass together."""
    module = model.layers[layer]
    mass = module.up.weight.detach().square().sum(dim=1) * module.down.weight.detach().square().sum(dim=0)  # type: ignore[union-attr,operator]
    order = np.argsort(mass.numpy(), kind="stable")
    return (block for block in np.array_split(order, BLOCKS) if len(block))
