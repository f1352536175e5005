"""Responsible for the steps of fine-tuning: AdamW, with rates that rise and fall."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from compress.encoder import TokenClassifier

MAX_GRADIENT_NORM = 1.0
"""Longer gradients are cut to it, unless a training says otherwise."""


@dataclass(frozen=True)
class Rates:
    """How fast a model learns."""

    body: float
    """Highest learning rate of the encoder."""
    head: float
    """Highest learning rate of the classifier."""
    warmup_share: float = 0.1
    """Share of all steps in which rates rise, 0 to 1."""
    weight_decay: float = 0.01
    """Of matrices; biases and norms have none."""


def build_optimizer(
    rates: Rates, model: TokenClassifier, n_steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW with a rate of its own for the head; the rates rise, then fall to 0 in ``n_steps``."""
    groups = []
    for is_head, rate in ((False, rates.body), (True, rates.head)):
        named = [
            value for name, value in model.named_parameters() if name.startswith("classifier") == is_head
        ]
        matrices = [value for value in named if value.ndim > 1]
        vectors = [value for value in named if value.ndim <= 1]
        groups.append({"params": matrices, "lr": rate, "weight_decay": rates.weight_decay})
        groups.append({"params": vectors, "lr": rate, "weight_decay": 0.0})
    optimizer = torch.optim.AdamW(groups, fused=True)

    def factor(step: int) -> float:
        return rate_factor(step, n_steps, rates.warmup_share)

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def rate_factor(step: int, n_steps: int, warmup_share: float) -> float:
    """Of the highest rate, for the step after ``step`` others: up to 1, then down to 0."""
    warmup = max(1, math.ceil(warmup_share * n_steps))
    return min((step + 1) / warmup, max(0.0, (n_steps - step) / max(1, n_steps - warmup)))
