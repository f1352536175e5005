"""Responsible for the default method: Fisher importance in rounds, each made up for by least squares.

Mask gradients need no labels when importance is the divergence from the model's own answers (the
default). See :mod:`compress.iterate` for the rounds.
"""

from __future__ import annotations

from compress.iterate import PrunedModel, prune_to
from compress.methods.method import Task


def compress(task: Task) -> PrunedModel:
    """Score, remove a little, reconstruct, score again."""
    return prune_to(task.model, task.calibration, macs_removed=task.share, config=task.config, dev=task.dev)
