"""Responsible for post-training pruning as it was published (Kwon et al. 2022, https://arxiv.org/abs/2204.09656):
mask search, mask rearrangement, mask tuning, in one shot; the reference that the default is measured against.

Two faults of the published code are not repeated: a layer that cannot be tuned leaves the layers above it
tuned all the same, and the budget is counted again after the rearrangement. Gradients are taken an example
at a time instead of a batch at a time, and the target of the tuning is the dense model.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from compress.pruning.iterate import PrunedModel, choose_by_fisher
from compress.pruning.methods.method import Task
from compress.pruning.tuning import tune


def compress(task: Task) -> PrunedModel:
    """Search and rearrange once, then scale each remaining head and neuron by a number of its own."""
    pruned = task.prune(partial(choose_by_fisher, recall=task.recall))
    rng = np.random.default_rng(task.config.seed)
    windows = task.calibration.windows
    chosen = sorted(rng.permutation(len(windows))[: task.config.reconstruction_windows])
    tune(pruned.model, task.model, [windows[index] for index in chosen])
    return pruned
