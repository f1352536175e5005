"""Responsible for gradual magnitude pruning while a model is fine-tuned with distillation from its dense self
(Zhu and Gupta 2017, https://arxiv.org/abs/1710.01878; as Sparse*BERT does to 90 %).

Weights of every encoder matrix go smallest first, along a cubic ramp from none to the whole share; what is
gone stays 0. The last epochs train at full sparsity. Shapes stay (:mod:`compress.pruning.methods.zeros`).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from compress.encoder import TokenClassifier
from compress.errors import BudgetError
from compress.pruning.budget import affordable_macs
from compress.pruning.iterate import PrunedModel, finetune
from compress.pruning.methods.method import Task
from compress.pruning.methods.zeros import product_weights, share_of_zeros, zero_least

RAMP_BEGINS, RAMP_ENDS = 0.1, 0.7
"""Where in the training the ramp lies, as shares of all steps."""


def compress(task: Task) -> PrunedModel:
    """Train and thin out at once.

    :raises BudgetError: there is no epoch to do it in.
    """
    affordable_macs(task.model.config, task.share)
    if not task.config.finetune_epochs:
        raise BudgetError("no time to prune in", "gmp", "0 epochs", "1 or more", "give --finetune-epochs")
    ramp = Ramp(task.share)
    student = copy.deepcopy(task.model)
    # No dev: the best epoch of an unfinished ramp would be one with too many weights.
    tuned = finetune(student, task.model, task.calibration, None, task.config, on_update=ramp)
    ramp.thin(tuned, task.share)
    return PrunedModel(tuned.eval(), 0.0, share_of_zeros(tuned))


class Ramp:
    """Thins a model out as its training goes on."""

    def __init__(self, share: float) -> None:
        self.share = share
        self._gone: list[Tensor] | None = None

    def __call__(self, model: TokenClassifier, step: int, n_steps: int) -> None:
        """After ``step`` of ``n_steps`` optimiser steps."""
        self.thin(model, self.share * ramp_share(step / n_steps))

    def thin(self, model: TokenClassifier, share: float) -> None:
        """Set the smallest ``share`` of each matrix to 0; what was 0 before comes first."""
        weights = list(product_weights(model))
        gone = self._gone or [torch.zeros_like(weight, dtype=torch.bool) for weight in weights]
        for weight, mask in zip(weights, gone, strict=True):
            weight.masked_fill_(mask, 0.0)
            zero_least(weight, weight.abs(), share)
        self._gone = [weight == 0 for weight in weights]


def ramp_share(done: float) -> float:
    """Share of the final sparsity that is due when ``done`` (0 to 1) of the training is over."""
    place = min(1.0, max(0.0, (done - RAMP_BEGINS) / (RAMP_ENDS - RAMP_BEGINS)))
    return float(1 - (1 - place) ** 3)
