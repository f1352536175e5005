"""Responsible for setting single weights to 0: smallest first (L1), or by lot.

The tensors keep their shapes. Dense kernels take as long over zeros as over anything else, and a file gets
smaller only where its format stores zeros better (:mod:`compress.pruning.sparsity`): these serve comparison.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from compress.encoder import TokenClassifier
from compress.pruning.budget import affordable_macs
from compress.pruning.iterate import PrunedModel
from compress.pruning.methods.method import Task

_PRODUCTS = ("query", "key", "value", "attention_output", "up", "down")


def compress_smallest(task: Task) -> PrunedModel:
    """Zero the smallest absolute weights of every matrix."""
    return _compress(task, Tensor.abs)


def compress_by_lot(task: Task) -> PrunedModel:
    """Zero weights of every matrix by lot."""
    generator = torch.Generator().manual_seed(task.config.seed)
    return _compress(task, lambda weight: torch.rand(weight.shape, generator=generator))


def _compress(task: Task, worth: Callable[[Tensor], Tensor]) -> PrunedModel:
    affordable_macs(task.model.config, task.share)
    model = copy.deepcopy(task.model).eval()
    for weight in product_weights(model):
        zero_least(weight, worth(weight), task.share)
    return PrunedModel(model, 0.0, share_of_zeros(model))


def product_weights(model: TokenClassifier) -> Iterator[Tensor]:
    """Weights of the encoder's linear layers, without gradients, bottom first."""
    for layer in model.layers:
        for name in _PRODUCTS:
            linear = getattr(layer, name)
            assert isinstance(linear, nn.Linear)
            yield linear.weight.data


def zero_least(weight: Tensor, worth: Tensor, share: float) -> None:
    """Set the ``share`` of ``weight`` with the least ``worth`` to 0, in place."""
    count = round(share * weight.numel())
    if count:
        least = worth.flatten().topk(count, largest=False).indices
        weight.view(-1)[least] = 0.0


def share_of_zeros(model: TokenClassifier) -> float:
    """Share of the encoder's linear weights that are 0, 0 to 1."""
    weights = list(product_weights(model))
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    return zeros / max(1, sum(weight.numel() for weight in weights))
