"""Responsible for the course of a training: its epochs so far, and the weights of the best."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from compress.encoder import TokenClassifier
from compress.training.resume import TrainState, add_prefix, drop_prefix
from extract.score import LabelScore, Scores


@dataclass(frozen=True)
class EpochScore:
    """What one epoch gave."""

    epoch: int
    """1-based."""
    loss: float
    """Mean training loss."""
    scores: Scores | None
    """Strict entities on dev; None without dev."""

    def beats(self, other: EpochScore) -> bool:
        """Whether it is to be kept instead: a higher F1, or merely later where nothing was scored."""
        return self.scores is None or other.scores is None or self.scores.f1 > other.scores.f1

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EpochScore:
        """What :func:`dataclasses.asdict` made a dictionary of."""
        scores = values["scores"]
        if scores is not None:
            per_label = {label: LabelScore(**row) for label, row in scores["per_label"].items()}
            scores = Scores(**scores | {"per_label": per_label})
        return cls(values["epoch"], values["loss"], scores)


class Course:
    """The epochs so far, and the weights of the best."""

    def __init__(self) -> None:
        self.epochs: list[EpochScore] = []
        self.best_epoch = 0
        self.weights: dict[str, Tensor] = {}

    def add(self, epoch: EpochScore, model: TokenClassifier) -> None:
        """Take in an epoch that is over; its weights are kept where it is the best."""
        self.epochs.append(epoch)
        if not self.best_epoch or epoch.beats(self.epochs[self.best_epoch - 1]):
            self.best_epoch, self.weights = epoch.epoch, copy.deepcopy(model.state_dict())

    def is_over(self, epochs: int, patience: int | None) -> bool:
        """Whether all epochs are done, or the last ones brought nothing."""
        idle = len(self.epochs) - self.best_epoch
        return len(self.epochs) >= epochs or (patience is not None and idle >= patience)

    def capture(self) -> TrainState:
        """All of it, for :meth:`restore`."""
        epochs = [asdict(epoch) for epoch in self.epochs]
        return TrainState(add_prefix("best", self.weights), {"epochs": epochs, "best_epoch": self.best_epoch})

    @classmethod
    def from_state(cls, state: TrainState) -> Course:
        """The course that a state tells of."""
        course = cls()
        course.restore(state)
        return course

    def restore(self, state: TrainState) -> None:
        """Stand where :meth:`capture` did."""
        self.epochs = [EpochScore.from_dict(values) for values in state.values["epochs"]]
        self.best_epoch = state.values["best_epoch"]
        self.weights = drop_prefix("best", state.tensors)
