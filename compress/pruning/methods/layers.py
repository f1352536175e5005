"""Responsible for dropping whole layers: the one that the loss misses least, one after the other, and then
distillation from the dense model (as DistilBERT and its biomedical kin drop every other one).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from compress.encoder import TokenClassifier
from compress.errors import BudgetError
from compress.features import Window
from compress.pruning.budget import affordable_macs, linear_macs, share_removed
from compress.pruning.iterate import PrunedModel, finetune, sample
from compress.pruning.methods.loss_increase import Yardstick
from compress.pruning.methods.method import Task


def compress(task: Task) -> PrunedModel:
    """Drop layers until the budget is met, then fine-tune as the config says.

    :raises BudgetError: no layer would be left.
    """
    affordable = affordable_macs(task.model.config, task.share)
    rng = np.random.default_rng(task.config.seed)
    windows = sample(task.calibration.windows, task.config.scoring_windows, rng)
    current = task.model
    while linear_macs(current.config) > affordable:
        current = _drop_one(current, windows)
    removed = share_removed(task.model.config, current.config)
    if task.config.finetune_epochs:
        current = finetune(current, task.model, task.calibration, task.dev, task.config)
    return PrunedModel(current.eval(), removed)


def _drop_one(model: TokenClassifier, windows: Sequence[Window]) -> TokenClassifier:
    """Without the layer whose absence costs the least loss; the lower of equals."""
    if model.config.n_layers == 1:
        raise BudgetError("impossible budget", "layers", "the last layer to go", "one layer at least")
    best: tuple[float, TokenClassifier] = math.inf, model
    for index in range(model.config.n_layers):
        shorter = without_layer(model, index)
        loss = Yardstick(shorter, windows).dense
        if loss < best[0]:
            best = loss, shorter
    return best[1]


def without_layer(model: TokenClassifier, index: int) -> TokenClassifier:
    """A copy of ``model`` in which the layer below ``index`` feeds the one above it."""
    sizes = model.config
    kept = [layer for layer in range(sizes.n_layers) if layer != index]
    shorter = TokenClassifier(
        replace(
            sizes,
            heads_per_layer=tuple(sizes.heads_per_layer[layer] for layer in kept),
            neurons_per_layer=tuple(sizes.neurons_per_layer[layer] for layer in kept),
        )
    )
    source = model.state_dict()
    places = {f"layers.{new}.": f"layers.{old}." for new, old in enumerate(kept)}
    shorter.load_state_dict({name: source[_renamed(name, places)] for name in shorter.state_dict()})
    return shorter.eval()


def _renamed(name: str, places: dict[str, str]) -> str:
    for new, old in places.items():
        if name.startswith(new):
            return old + name[len(new) :]
    return name
