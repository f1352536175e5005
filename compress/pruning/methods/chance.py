"""Responsible for removing heads and neurons by lot: what any criterion has to beat.

Every layer keeps the same share of heads; what they leave of the budget goes to neurons, as many in each
layer. A lot over all layers at once would compare layouts as much as criteria.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compress.encoder import TokenClassifier
from compress.errors import BudgetError
from compress.features import Window
from compress.pruning.budget import check_cost, head_macs, linear_macs, neuron_macs
from compress.pruning.iterate import PruneConfig, PrunedModel
from compress.pruning.masks import BoolArray, Masks
from compress.pruning.methods.method import Task


def compress(task: Task) -> PrunedModel:
    """Remove by lot; the config's seed is the lot's."""
    return task.prune(choose_by_lot)


def choose_by_lot(
    model: TokenClassifier, windows: Sequence[Window], affordable: int, config: PruneConfig, seed: int
) -> Masks:
    """Masks under the budget; ``windows`` are not looked at.

    :raises BudgetError: not even a group of neurons a layer is affordable.
    """
    sizes = model.config
    rng = np.random.default_rng(seed)
    kept = affordable / linear_macs(sizes)
    heads = tuple(int(kept * n_heads) for n_heads in sizes.heads_per_layer)
    left = affordable - sum(heads) * head_macs(sizes)
    part = left / (sum(sizes.neurons_per_layer) * neuron_macs(sizes))
    neurons = tuple(int(part * count) // config.group * config.group for count in sizes.neurons_per_layer)
    if not sum(heads) + sum(neurons):
        raise BudgetError(
            "impossible budget", "random", f"{affordable} MACs a token", "enough for one unit at least"
        )
    masks = Masks(
        sizes,
        tuple(_draw(rng, count, size) for count, size in zip(heads, sizes.heads_per_layer, strict=True)),
        tuple(_draw(rng, count, size) for count, size in zip(neurons, sizes.neurons_per_layer, strict=True)),
    )
    check_cost(masks, affordable)
    return masks


def _draw(rng: np.random.Generator, count: int, size: int) -> BoolArray:
    mask = np.zeros(size, np.bool_)
    mask[rng.permutation(size)[:count]] = True
    return mask
