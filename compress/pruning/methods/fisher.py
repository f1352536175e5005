"""Responsible for the default method: Fisher importance in rounds, each made up for by least squares.

Mask gradients need no labels when importance is the divergence from the model's own answers (the
default). See :mod:`compress.pruning.iterate` for the rounds. The budget is MACs, or measured time: then each
layer's sizes are those that keep most importance within the time (the idea of Kurtic et al. 2023,
https://arxiv.org/abs/2302.04089, with an exact solution).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from compress.encoder import TokenClassifier
from compress.errors import BudgetError
from compress.features import Window
from compress.pruning.budget import linear_macs
from compress.pruning.fisher import mask_gradients
from compress.pruning.iterate import Chooser, PruneConfig, PrunedModel, choose_by_fisher
from compress.pruning.knapsack import search_time
from compress.pruning.masks import Masks
from compress.pruning.methods.method import Task
from compress.pruning.rearrange import rearrange
from compress.pruning.timing import LayerTimes, measure_layers, measure_models


def compress(task: Task) -> PrunedModel:
    """Score, remove a little, reconstruct, score again.

    :raises BudgetError: within the time, fewer MACs go than were asked for.
    """
    if task.time_share is None:
        return task.prune(partial(choose_by_fisher, recall=task.recall))
    times = measure_layers(task.model.config)
    pruned = task.prune(choose_within(times, task))
    if pruned.macs_removed < task.share:
        raise BudgetError(
            "the time allows more than the name",
            f"{task.time_share:.0%} of the time",
            f"{pruned.macs_removed:.1%} of the MACs removed",
            f"{task.share:.0%}",
            f"name it pruned{int(100 * pruned.macs_removed)}, or allow less time",
        )
    return replace(pruned, timing=_compare(times, task.model, pruned.model))


def choose_within(times: LayerTimes, task: Task) -> Chooser:
    """A chooser whose rounds go evenly from the dense model's time down to the task's share of it."""
    assert task.time_share is not None
    dense_macs = linear_macs(task.model.config)
    dense_time = times.predict(task.model.config)
    fixed = dense_time - times.units(task.model.config)
    spared = (1 - task.time_share) * dense_time

    def choose(
        model: TokenClassifier, windows: Sequence[Window], affordable: int, config: PruneConfig, seed: int
    ) -> Masks:
        gradients = mask_gradients(model, windows, loss=config.loss, seed=seed)
        done = (1 - affordable / dense_macs) / task.share
        masks = search_time(
            model.config,
            gradients.head_importance(),
            gradients.neuron_importance(),
            times,
            limit=dense_time - done * spared - fixed,
            group=config.group,
        )
        if config.rearrange:
            # Counts stay, and so does the time.
            masks = rearrange(masks, gradients, shrinkage=config.shrinkage)
        return masks

    return choose


def _compare(times: LayerTimes, dense: TokenClassifier, pruned: TokenClassifier) -> dict[str, float]:
    measured = measure_models({"dense": dense, "pruned": pruned})
    return {
        "predicted_ms": round(times.predict(pruned.config), 3),
        "measured_ms": round(measured["pruned"], 3),
        "dense_predicted_ms": round(times.predict(dense.config), 3),
        "dense_measured_ms": round(measured["dense"], 3),
    }
