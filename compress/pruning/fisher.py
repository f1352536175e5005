"""Responsible for the importance of heads and neurons: squared gradients of masks at 1 (Kwon et al. 2022,
https://arxiv.org/abs/2204.09656), one gradient an example.

Two losses give the gradients. ``labels``: the loss on the annotated tags. ``divergence``: no labels; the
squares then say, to second order, how far the model's answers move from what they are now when the unit
goes. They are the Fisher information of the model's own answers, with tags drawn from its softened
distribution; the plain one of a confident model is nearly 0 everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from compress.batches import Batch, sorted_batches
from compress.encoder import TokenClassifier
from compress.errors import DataError
from compress.features import IGNORED, Window

Floats = npt.NDArray[np.float32]
Loss = Literal["labels", "divergence"]

_TEMPERATURE = 2.0


@dataclass(frozen=True, eq=False)
class MaskGradients:
    """Gradients of each example's loss with respect to every mask, at masks of 1."""

    heads: tuple[Floats, ...]
    """One a layer. *Shape:* ``(examples, heads)``"""
    neurons: tuple[Floats, ...]
    """One a layer. *Shape:* ``(examples, neurons)``"""

    def head_importance(self) -> tuple[Floats, ...]:
        """Mean squared gradients. *Shape of one:* ``(heads,)``"""
        return tuple((gradients**2).mean(axis=0) for gradients in self.heads)

    def neuron_importance(self) -> tuple[Floats, ...]:
        """Mean squared gradients. *Shape of one:* ``(neurons,)``"""
        return tuple((gradients**2).mean(axis=0) for gradients in self.neurons)


def mask_gradients(
    model: TokenClassifier,
    windows: Sequence[Window],
    *,
    loss: Loss = "divergence",
    batch_size: int = 16,
    seed: int = 0,
) -> MaskGradients:
    """Gradients of one example each, in no particular order; the model is left as it was.

    :raises DataError: no examples.
    """
    if not windows:
        raise DataError("nothing to score by", "calibration data", "no sentence", "at least one")
    generator = torch.Generator().manual_seed(seed)
    heads: list[list[Floats]] = [[] for _ in model.layers]
    neurons: list[list[Floats]] = [[] for _ in model.layers]
    model.eval()
    with _weights_fixed(model):
        for batch in sorted_batches(windows, batch_size):
            head_masks = _ones(len(batch.indices), model.config.heads_per_layer)
            neuron_masks = _ones(len(batch.indices), model.config.neurons_per_layer)
            logits = model(batch.input_ids, batch.attention_mask, head_masks, neuron_masks)
            total = _summed_loss(logits, batch, loss, generator)
            # A layer without heads or neurons does not use its mask.
            found = torch.autograd.grad(
                total, [*head_masks, *neuron_masks], allow_unused=True, materialize_grads=True
            )
            for index in range(len(model.layers)):
                heads[index].append(found[index][:, 0].numpy())
                neurons[index].append(found[len(model.layers) + index][:, 0].numpy())
    return MaskGradients(tuple(map(np.concatenate, heads)), tuple(map(np.concatenate, neurons)))


@contextmanager
def _weights_fixed(model: nn.Module) -> Iterator[None]:
    """Only masks have gradients inside, so what the weights' own would need is not kept in memory."""
    free = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in free:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in free:
            parameter.requires_grad_(True)


def _ones(n_examples: int, sizes: tuple[int, ...]) -> list[Tensor]:
    """One mask an example. *Shape of one:* ``(batch, 1, units)``"""
    return [torch.ones(n_examples, 1, size, requires_grad=True) for size in sizes]


def _summed_loss(logits: Tensor, batch: Batch, loss: Loss, generator: torch.Generator) -> Tensor:
    """Sum over examples, so that each example's gradient stands alone; mean over the tokens of each."""
    tagged = (batch.tag_ids != IGNORED) if loss == "labels" else batch.real
    targets = batch.tag_ids
    if loss == "divergence":
        logits = logits / _TEMPERATURE
        drawn = torch.multinomial(logits.detach().softmax(dim=-1).flatten(0, 1), 1, generator=generator)
        targets = drawn.view_as(batch.tag_ids)
    losses = nn.functional.cross_entropy(
        logits.transpose(1, 2), targets.masked_fill(~tagged, IGNORED), ignore_index=IGNORED, reduction="none"
    )
    return (losses.sum(dim=1) / tagged.sum(dim=1).clamp(min=1)).sum()
