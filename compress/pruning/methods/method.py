"""Responsible for what every compression method is given, what it gives back, and which there are."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from compress.encoder import TokenClassifier
from compress.errors import BudgetError, CompressError
from compress.features import Features
from compress.pruning.iterate import Chooser, PruneConfig, PrunedModel, prune_to
from compress.pruning.recall import Recall

DEFAULT_METHOD = "fisher"


@dataclass(frozen=True)
class Task:
    """One model to be made smaller."""

    model: TokenClassifier
    """The dense model; it is left as it is."""
    calibration: Features
    """Training data. Methods without labels look at its sentences only."""
    share: float
    """How much is to go, 0 to less than 1: of the encoder's linear MACs, or of its linear weights where a
    method can only write zeros."""
    config: PruneConfig = PruneConfig()
    """How, where the method leaves a choice."""
    time_share: float | None = None
    """Measured time of the encoder that may remain, of the dense one's, 0 to 1; None: MACs are the budget.
    Methods that cannot be bound by time refuse it."""
    dev: Features | None = None
    """Chooses the best epoch of methods that train."""
    recall: Recall | None = None
    """What was measured on ``model`` for other shares; None: everything is measured anew."""

    def prune(self, choose: Chooser) -> PrunedModel:
        """The model pruned in rounds, of each of which ``choose`` says what it keeps.

        :raises BudgetError: the share cannot be removed.
        """
        return prune_to(
            self.model,
            self.calibration,
            macs_removed=self.share,
            config=self.config,
            dev=self.dev,
            choose=choose,
        )


@dataclass(frozen=True)
class Method:
    """One way of making a model smaller."""

    name: str
    summary: str
    """One line, with its source."""
    place: str
    """Where it lives: ``module:function``; the function takes a :class:`Task`."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Settings of :class:`compress.pruning.iterate.PruneConfig` that this method is known by."""
    timed: bool = False
    """Whether measured time can be its budget."""
    structured: bool = True
    """Whether heads, neurons or layers leave the tensors; else weights are only set to 0."""
    by_weights: bool = False
    """Whether what goes is decided by the weights alone: no sentence is looked at, no lot drawn."""

    def draws(self, config: PruneConfig) -> bool:
        """Whether the config's seed can change the result."""
        return not self.by_weights or config.reconstruct or config.finetune_epochs > 0

    def configure(self, **given: Any) -> PruneConfig:
        """The method's own settings, overridden by those ``given`` that are not None."""
        chosen = {name: value for name, value in given.items() if value is not None}
        return PruneConfig(**{**self.defaults, **chosen})

    def compress(self, task: Task) -> PrunedModel:
        """A smaller copy of the task's model.

        :raises BudgetError: the share cannot be removed, or time cannot be the method's budget.
        :raises DataError: the calibration data does not serve the method.
        """
        if task.time_share is not None:
            self.check_timed()
        module, _, name = self.place.partition(":")
        function: Callable[[Task], PrunedModel] = getattr(importlib.import_module(module), name)
        return function(task)

    def check_timed(self) -> None:
        """:raises BudgetError: time cannot be the budget of this method."""
        if not self.timed:
            timed = ", ".join(method.name for method in METHODS.values() if method.timed)
            raise BudgetError("time cannot be the budget", self.name, "", timed, "leave the time share out")


_ONE_SHOT = {"steps": 1, "rearrange": False, "reconstruct": False}

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            "fisher",
            "mask gradients, rearrangement and least-squares reconstruction, in rounds",
            "compress.pruning.methods.fisher:compress",
            timed=True,
        ),
        Method(
            "fisher-kwon",
            "mask gradients, rearrangement and one scalar a unit, one shot (Kwon et al. 2022)",
            "compress.pruning.methods.fisher_kwon:compress",
            {**_ONE_SHOT, "loss": "labels", "rearrange": True, "shrinkage": 0.0, "group": 1},
        ),
        Method(
            "loss-increase",
            "what the loss gains when a head or a block of neurons is left out (Michel et al. 2019)",
            "compress.pruning.methods.loss_increase:compress",
            {**_ONE_SHOT, "loss": "labels"},
        ),
        Method(
            "magnitude",
            "heads and neurons of the smallest squared weights (L2)",
            "compress.pruning.methods.magnitude:compress_l2",
            _ONE_SHOT,
            by_weights=True,
        ),
        Method(
            "magnitude-l1",
            "heads and neurons of the smallest absolute weights (L1)",
            "compress.pruning.methods.magnitude:compress_l1",
            _ONE_SHOT,
            by_weights=True,
        ),
        Method(
            "random",
            "heads and neurons by lot, the same share of every layer",
            "compress.pruning.methods.chance:compress",
            _ONE_SHOT,
        ),
        Method(
            "layers",
            "whole layers by loss increase, then distillation",
            "compress.pruning.methods.layers:compress",
            {**_ONE_SHOT, "loss": "labels", "finetune_epochs": 3},
        ),
        Method(
            "l1",
            "single weights of the smallest absolute value set to 0 (unstructured)",
            "compress.pruning.methods.zeros:compress_smallest",
            _ONE_SHOT,
            by_weights=True,
            structured=False,
        ),
        Method(
            "random-unstructured",
            "single weights set to 0 by lot (unstructured)",
            "compress.pruning.methods.zeros:compress_by_lot",
            _ONE_SHOT,
            structured=False,
        ),
        Method(
            "gmp",
            "magnitude pruning step by step while distilling (unstructured; Zhu and Gupta 2017)",
            "compress.pruning.methods.gmp:compress",
            {**_ONE_SHOT, "finetune_epochs": 8},
            structured=False,
        ),
    )
}


def find_method(name: str) -> Method:
    """The method of that name.

    :raises CompressError: there is none.
    """
    if name not in METHODS:
        raise CompressError("unknown method", "", repr(name), f"one of {', '.join(METHODS)}")
    return METHODS[name]
