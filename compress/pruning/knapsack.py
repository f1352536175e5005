"""Responsible for choosing how many heads and neurons each layer keeps, under a limit of measured time.

Every sublayer picks one of its sizes; importance is to be greatest, times add up. That is a knapsack with
classes, solved exactly over time cut into small steps, each size rounded up to a whole number of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compress.encoder import EncoderConfig
from compress.errors import BudgetError
from compress.pruning.masks import Masks
from compress.pruning.search import keep_top
from compress.pruning.timing import LayerTimes

Floats = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

STEPS = 4000
"""Parts that the time limit is cut into."""


@dataclass(frozen=True)
class _Sizes:
    """What one sublayer may keep."""

    counts: tuple[int, ...]
    gains: Float64s
    """Importance kept, with the best units of each count."""
    costs: npt.NDArray[np.int64]
    """Time in steps."""


def search_time(
    config: EncoderConfig,
    head_importance: Sequence[Floats],
    neuron_importance: Sequence[Floats],
    times: LayerTimes,
    *,
    limit: float,
    group: int = 16,
) -> Masks:
    """The heads and neurons of greatest summed importance that run in ``limit`` measured milliseconds.

    Neurons stay in multiples of ``group``, or all of them.

    :raises BudgetError: there is no time for anything.
    """
    if limit <= 0:
        raise BudgetError("impossible budget", "search", f"{limit:.3f} ms", "time for one unit at least")
    step = limit / STEPS
    layers = [_sizes(values, times.heads, 1, step) for values in head_importance]
    layers += [_sizes(values, times.neurons, group, step) for values in neuron_importance]
    counts = _solve(layers)
    if not any(counts):
        raise BudgetError("impossible budget", "search", f"{limit:.3f} ms", "time for one unit at least")
    n_layers = config.n_layers
    return Masks(
        config,
        keep_top(head_importance, counts[:n_layers]),
        keep_top(neuron_importance, counts[n_layers:]),
    )


def _sizes(importance: Floats, times: Float64s, group: int, step: float) -> _Sizes:
    counts = tuple(sorted({*range(0, len(importance), group), len(importance)}))
    kept = np.concatenate([[0.0], np.cumsum(np.sort(importance)[::-1], dtype=np.float64)])
    costs = np.ceil(times[list(counts)] / step - 1e-9).astype(np.int64)
    return _Sizes(counts, kept[list(counts)], costs)


def _solve(layers: Sequence[_Sizes]) -> list[int]:
    """The count of each sublayer."""
    best = np.zeros(STEPS + 1)
    choices = []
    for sizes in layers:
        offers = np.full((len(sizes.counts), STEPS + 1), -np.inf)
        for place, (gain, cost) in enumerate(zip(sizes.gains, sizes.costs, strict=True)):
            if cost <= STEPS:
                offers[place, cost:] = best[: STEPS + 1 - cost] + gain
        choices.append(offers.argmax(axis=0))
        best = offers.max(axis=0)
    left = int(best.argmax())
    counts = []
    for sizes, chosen in zip(reversed(layers), reversed(choices), strict=True):
        place = int(chosen[left])
        counts.append(sizes.counts[place])
        left -= int(sizes.costs[place])
    return counts[::-1]
