"""Responsible for a moving average of weights, kept beside a model that learns."""

from __future__ import annotations

import copy

import torch

from compress.encoder import TokenClassifier


class Average:
    """A moving average of a model's weights (Polyak and Juditsky 1992): steadier than the last step's."""

    def __init__(self, model: TokenClassifier, decay: float) -> None:
        self.model = copy.deepcopy(model).eval() if decay else model
        self.decay = decay

    def update(self, model: TokenClassifier, step: int) -> None:
        """Take in the weights after ``step`` steps; early steps are forgotten faster."""
        if not self.decay:
            return
        decay = min(self.decay, step / (step + 10))
        with torch.no_grad():
            for ours, theirs in zip(self.model.parameters(), model.parameters(), strict=True):
                ours.lerp_(theirs, 1 - decay)
