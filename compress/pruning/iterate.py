"""Responsible for pruning in small steps: score, remove a little, reconstruct, score again.

Importance holds only near the model it was measured on. After a step the least-squares solution has
moved work from what went to what stays, so the next step is scored anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from compress.encoder import TokenClassifier
from compress.features import Features, Window
from compress.predict import window_logits
from compress.pruning.budget import affordable_macs, check_cost, share_removed
from compress.pruning.fisher import Loss, MaskGradients, mask_gradients
from compress.pruning.masks import Masks
from compress.pruning.prune import prune
from compress.pruning.rearrange import rearrange
from compress.pruning.recall import Recall
from compress.pruning.reconstruct import reconstruct
from compress.pruning.search import search
from compress.training.train import TrainConfig, Update, train


@dataclass(frozen=True)
class PruneConfig:
    """How a model is pruned."""

    steps: int = 4
    """Rounds in which the budget is spent, evenly; 1 is one-shot."""
    loss: Loss = "divergence"
    """What importance is measured on: ``labels``, or ``divergence`` from the model's own answers."""
    rearrange: bool = True
    """Swap units by what they do together, after each search."""
    shrinkage: float = 0.5
    """How much of what units do together is disbelieved in that, 0 to 1."""
    scoring_windows: int = 512
    """Examples that each scoring takes."""
    reconstruction_windows: int = 1024
    """Examples that each least-squares solution takes."""
    ridge: float = 1e-2
    """How firmly the solution is held to the old weights."""
    reconstruct: bool = True
    """Solve the output weights anew after each round."""
    group: int = 16
    """Neurons go in groups of this size, to suit the kernels."""
    finetune_epochs: int = 0
    """Epochs of distillation from the dense model afterwards; 0: no retraining."""
    finetune_rate: float = 5e-5
    """Highest learning rate of that."""
    seed: int = 0
    """Which examples are taken."""


Chooser = Callable[[TokenClassifier, Sequence[Window], int, PruneConfig, int], Masks]
"""What a round keeps: of a model, judged on some windows, within so many linear MACs a token; with a seed."""


@dataclass(frozen=True)
class PrunedModel:
    """A physically smaller model."""

    model: TokenClassifier
    macs_removed: float
    """Share of the dense encoder's linear MACs that are gone, 0 to 1; at least what was asked for of a
    structured method, and 0 of one that only writes zeros."""
    weights_zeroed: float = 0.0
    """Share of the remaining linear weights of the encoder that are 0; they cost as much as others."""
    timing: Mapping[str, float] = field(default_factory=dict)
    """Where time was the budget: predicted and measured milliseconds of a call, see
    :mod:`compress.pruning.timing`."""

    @property
    def heads_per_layer(self) -> tuple[int, ...]:
        return self.model.config.heads_per_layer

    @property
    def neurons_per_layer(self) -> tuple[int, ...]:
        return self.model.config.neurons_per_layer


def prune_to(
    model: TokenClassifier,
    calibration: Features,
    *,
    macs_removed: float,
    config: PruneConfig | None = None,
    dev: Features | None = None,
    on_step: Callable[[int, TokenClassifier], None] | None = None,
    choose: Chooser | None = None,
) -> PrunedModel:
    """A copy of ``model`` without ``macs_removed`` of its encoder's linear MACs.

    ``calibration`` is training data. ``dev``, used only by fine-tuning, chooses its best epoch.
    ``choose`` says what each round keeps; where it is None, Fisher importance does. ``on_step`` is told the
    number of each finished round, 1-based, and the model as it is then.

    :raises BudgetError: the share cannot be removed.
    """
    config = config or PruneConfig()
    affordable_macs(model.config, macs_removed)
    rng = np.random.default_rng(config.seed)
    current = model
    for step in range(1, config.steps + 1):
        scored = sample(calibration.windows, config.scoring_windows, rng)
        affordable = affordable_macs(model.config, macs_removed * step / config.steps)
        masks = (choose or choose_by_fisher)(current, scored, affordable, config, config.seed + step)
        current = prune(current, masks)
        windows = sample(calibration.windows, config.reconstruction_windows, rng)
        if config.reconstruct:
            reconstruct(current, model, windows, ridge=config.ridge)
        if on_step is not None:
            on_step(step, current)
    if config.finetune_epochs:
        current = finetune(current, model, calibration, dev, config)
    return PrunedModel(current.eval(), share_removed(model.config, current.config))


def sample(windows: Sequence[Window], count: int, rng: np.random.Generator) -> list[Window]:
    """At most ``count`` windows by lot, in their old order."""
    chosen = rng.permutation(len(windows))[:count]
    return [windows[index] for index in sorted(chosen)]


def choose_by_fisher(
    model: TokenClassifier,
    windows: Sequence[Window],
    affordable: int,
    config: PruneConfig,
    seed: int,
    recall: Recall | None = None,
) -> Masks:
    """What to keep by squared mask gradients, and by their products where ``config`` says so."""

    def measure() -> MaskGradients:
        return mask_gradients(model, windows, loss=config.loss, seed=seed)

    kind = f"gradients of {config.loss}"
    gradients = recall.get(kind, model, windows, seed, measure) if recall else measure()
    masks = search(
        model.config,
        gradients.head_importance(),
        gradients.neuron_importance(),
        affordable=affordable,
        group=config.group,
    )
    if config.rearrange:
        masks = rearrange(masks, gradients, shrinkage=config.shrinkage)
        check_cost(masks, affordable)
    return masks


def finetune(
    pruned: TokenClassifier,
    dense: TokenClassifier,
    data: Features,
    dev: Features | None,
    config: PruneConfig,
    *,
    on_update: Update | None = None,
) -> TokenClassifier:
    """Train ``pruned``, in place, on the tags of ``data`` and on the answers of ``dense``.

    ``on_update`` may change the model after every step of the optimiser.
    """
    recipe = TrainConfig(
        epochs=config.finetune_epochs,
        body_rate=config.finetune_rate,
        head_rate=config.finetune_rate,
        distil_weight=0.9,
        seed=config.seed,
        # An average over steps would bring back weights that an update took away.
        average_decay=0.0 if on_update else TrainConfig.average_decay,
    )
    teacher = window_logits(dense, data.windows)
    return train(recipe, pruned, data, dev, teacher_logits=teacher, on_update=on_update).model
