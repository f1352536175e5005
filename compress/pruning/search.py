"""Responsible for choosing what stays under a budget, by importance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from compress.encoder import EncoderConfig
from compress.errors import BudgetError
from compress.pruning.budget import check_cost, head_macs, neuron_macs
from compress.pruning.masks import Masks

Floats = npt.NDArray[np.float32]


def search(
    config: EncoderConfig,
    head_importance: Sequence[Floats],
    neuron_importance: Sequence[Floats],
    *,
    affordable: int,
    group: int = 16,
) -> Masks:
    """The heads and neurons of greatest summed importance that ``affordable`` linear MACs a token allow.

    For each number of heads, the most important ones of all layers are taken and the rest of the budget
    goes to neurons (Kwon et al. 2022); the best of these stays. Neurons are taken in groups of ``group``
    by rank within their layer, so that a layer's count suits the kernels; a layer whose count is no
    multiple keeps or loses its remainder as a group of its own.

    :raises BudgetError: not even a single unit is affordable.
    """
    head_order, head_gains = _ranked([np.sort(values)[::-1] for values in head_importance], 1)
    neuron_order, neuron_gains = _ranked([np.sort(values)[::-1] for values in neuron_importance], group)
    neuron_sizes = np.array([size for _, size in neuron_order], np.int64)
    neuron_costs = np.concatenate([[0], np.cumsum(neuron_sizes)]) * neuron_macs(config)
    best: tuple[float, int, int] | None = None
    for n_heads in range(len(head_order) + 1):
        left = affordable - n_heads * head_macs(config)
        if left < 0:
            break
        n_groups = int(np.searchsorted(neuron_costs, left, side="right")) - 1
        gain = float(head_gains[n_heads] + neuron_gains[n_groups])
        if best is None or gain > best[0]:
            best = gain, n_heads, n_groups
    if best is None or best[1] + best[2] == 0:
        raise BudgetError(
            "impossible budget", "search", f"{affordable} MACs a token", "enough for one unit at least"
        )
    _, n_heads, n_groups = best
    masks = Masks(
        config,
        keep_top(head_importance, _counts(config.n_layers, head_order[:n_heads])),
        keep_top(neuron_importance, _counts(config.n_layers, neuron_order[:n_groups])),
    )
    check_cost(masks, affordable)
    return masks


def _ranked(descending: list[Floats], group: int) -> tuple[list[tuple[int, int]], npt.NDArray[np.float64]]:
    """Groups as (layer, size), most important per unit first, and the gain of the first 0, 1, 2 ... of them.

    Groups of a layer stay in order, because within a layer importance falls.
    """
    groups = [
        (float(part.mean()), float(part.sum(dtype=np.float64)), layer, len(part))
        for layer, values in enumerate(descending)
        for part in (values[start : start + group] for start in range(0, len(values), group))
    ]
    groups.sort(key=lambda entry: -entry[0])
    gains = np.concatenate([[0.0], np.cumsum([gain for _, gain, _, _ in groups])])
    return [(layer, size) for _, _, layer, size in groups], gains


def _counts(n_layers: int, taken: list[tuple[int, int]]) -> list[int]:
    counts = [0] * n_layers
    for layer, size in taken:
        counts[layer] += size
    return counts


def keep_top(importance: Sequence[Floats], counts: Sequence[int]) -> tuple[npt.NDArray[np.bool_], ...]:
    """Masks that keep the ``counts`` most important units of each layer."""
    masks = []
    for values, count in zip(importance, counts, strict=True):
        mask = np.zeros(len(values), np.bool_)
        # Stable, so that equal importance keeps the lower index on every machine.
        mask[np.argsort(-values, kind="stable")[:count]] = True
        masks.append(mask)
    return tuple(masks)
