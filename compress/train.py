"""Responsible for fine-tuning a token classifier and keeping its best epoch."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from compress.batches import Batch, n_batches, shuffled_batches
from compress.encoder import Layer, TokenClassifier
from compress.errors import DataError
from compress.features import IGNORED, Features
from compress.precision import autocast, has_bf16
from compress.predict import score_model
from extract.score import Scores

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained. The defaults were chosen on folds of the endpoint data."""

    epochs: int = 8
    """At least 1; the learning rate ends at 0 with the last one."""
    batch_size: int = 16
    """Windows a step."""
    body_rate: float = 1.5e-4
    """Highest learning rate of the encoder."""
    head_rate: float = 1e-3
    """Highest learning rate of the new head."""
    warmup_share: float = 0.1
    """Share of all steps in which the rate rises, 0 to 1."""
    weight_decay: float = 0.01
    """Of matrices; biases and norms have none."""
    max_gradient_norm: float = 1.0
    average_decay: float = 0.998
    """What is scored and kept is a moving average of the weights, in which each step before counts this
    much as often; 0 to less than 1, where 0 is the weights themselves."""
    dropout: float | None = None
    """Dropout while training; None keeps the checkpoint's."""
    attention_dropout: float | None = 0.0
    """Dropout of attention weights while training; 0 allows a faster kernel. None keeps the checkpoint's."""
    distil_weight: float = 0.5
    """Share of the loss that is divergence to a teacher, where there is one, 0 to 1."""
    temperature: float = 2.0
    """Softens teacher and student alike before they are compared."""
    bf16: bool | None = None
    """Matrix products in bfloat16; None: where the processor has it."""
    seed: int = 0
    """Same seed, same result on one machine."""


@dataclass(frozen=True)
class Progress:
    """Where a training stands; told after every step."""

    epoch: int
    """1-based."""
    step: int
    """Steps done, over all epochs."""
    n_steps: int
    loss: float
    """Mean over the epoch so far."""


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


@dataclass(frozen=True)
class TrainResult:
    """A trained model and how it came about."""

    model: TokenClassifier
    """Of the best epoch, in evaluation mode."""
    epochs: tuple[EpochScore, ...]
    best_epoch: int
    """1-based; the first of equals."""


Update = Callable[[TokenClassifier, int, int], None]
"""Changes the model after each step of the optimiser; told the steps done, and those to do in all."""


def train(
    config: TrainConfig,
    model: TokenClassifier,
    data: Features,
    dev: Features | None,
    *,
    teacher_logits: Sequence[Floats] | None = None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[EpochScore], None] | None = None,
    on_update: Update | None = None,
) -> TrainResult:
    """Fine-tune ``model`` in place on ``data``; what remains is the epoch with the best F1 on ``dev``,
    or without ``dev`` the last one.

    ``teacher_logits`` (one array ``(tokens + 2, tags)`` a window of ``data``) adds the divergence to a
    teacher to the loss; windows whose tags are all ignored are learnt from the teacher alone.

    :raises DataError: nothing to learn from.
    """
    if teacher_logits is None and not any(sentence.entities for sentence in data.sentences):
        raise DataError("nothing to learn", "training data", "no entity", "at least one")
    loop = _Loop(config, model, data, teacher_logits, on_step or (lambda progress: None), on_update)
    epochs: list[EpochScore] = []
    best: EpochScore | None = None
    weights: dict[str, Tensor] = {}
    for epoch in range(1, config.epochs + 1):
        loss = loop.run_epoch(epoch)
        scores = None if dev is None else score_model(loop.average.model, dev)
        epochs.append(EpochScore(epoch, loss, scores))
        if on_epoch is not None:
            on_epoch(epochs[-1])
        if best is None or epochs[-1].beats(best):
            best, weights = epochs[-1], copy.deepcopy(loop.average.model.state_dict())
    model.load_state_dict(weights)
    return TrainResult(model.eval(), tuple(epochs), best.epoch if best else 0)


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


class _Loop:
    """The steps of a training, epoch by epoch."""

    def __init__(
        self,
        config: TrainConfig,
        model: TokenClassifier,
        data: Features,
        teacher_logits: Sequence[Floats] | None,
        on_step: Callable[[Progress], None],
        on_update: Update | None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.model = model
        self.windows = data.windows
        self.teacher_logits = teacher_logits
        self.on_step = on_step
        self.on_update = on_update
        self.rng = np.random.default_rng(config.seed)
        self.bf16 = has_bf16() if config.bf16 is None else config.bf16
        self.n_steps = config.epochs * n_batches(len(data.windows), config.batch_size)
        self.step = 0
        self.optimizer, self.schedule = build_optimizer(config, model, self.n_steps)
        _set_dropout(config, model)
        self.average = Average(model, config.average_decay)

    def run_epoch(self, epoch: int) -> float:
        """Every window once; the mean loss."""
        self.model.train()
        total = 0.0
        count = 0
        for batch in shuffled_batches(self.windows, self.config.batch_size, self.rng):
            total += self._learn(batch)
            count += 1
            self.step += 1
            if self.on_update is not None:
                self.on_update(self.model, self.step, self.n_steps)
            self.average.update(self.model, self.step)
            self.on_step(Progress(epoch, self.step, self.n_steps, total / count))
        return total / count

    def _learn(self, batch: Batch) -> float:
        with autocast(self.bf16):
            logits = self.model(batch.input_ids, batch.attention_mask)
        teacher = None if self.teacher_logits is None else _stack(self.teacher_logits, batch)
        loss = token_loss(self.config, logits.float(), batch, teacher)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_gradient_norm)
        self.optimizer.step()
        self.schedule.step()
        return loss.item()


def token_loss(config: TrainConfig, logits: Tensor, batch: Batch, teacher: Tensor | None) -> Tensor:
    """Cross-entropy to the tags, mixed with the divergence to a teacher (Hinton et al. 2015,
    https://arxiv.org/abs/1503.02531) where there is one. *Shape of logits:* ``(batch, seq, tags)``."""
    hard = nn.functional.cross_entropy(
        logits.flatten(0, 1), batch.tag_ids.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    hard = hard / (batch.tag_ids != IGNORED).sum().clamp(min=1)
    if teacher is None:
        return hard
    soft = nn.functional.kl_div(
        nn.functional.log_softmax(logits[batch.real] / config.temperature, dim=-1),
        nn.functional.log_softmax(teacher[batch.real] / config.temperature, dim=-1),
        log_target=True,
        reduction="batchmean",
    )
    return (1 - config.distil_weight) * hard + config.distil_weight * config.temperature**2 * soft


def _stack(teacher_logits: Sequence[Floats], batch: Batch) -> Tensor:
    return nn.utils.rnn.pad_sequence(
        [torch.from_numpy(teacher_logits[i]) for i in batch.indices], batch_first=True
    )


def build_optimizer(
    config: TrainConfig, model: TokenClassifier, n_steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW with a rate of its own for the head; the rates rise, then fall to 0 in ``n_steps``."""
    groups = []
    for is_head, rate in ((False, config.body_rate), (True, config.head_rate)):
        named = [
            value for name, value in model.named_parameters() if name.startswith("classifier") == is_head
        ]
        matrices = [value for value in named if value.ndim > 1]
        vectors = [value for value in named if value.ndim <= 1]
        groups.append({"params": matrices, "lr": rate, "weight_decay": config.weight_decay})
        groups.append({"params": vectors, "lr": rate, "weight_decay": 0.0})
    optimizer = torch.optim.AdamW(groups, fused=True)
    warmup = max(1, math.ceil(config.warmup_share * n_steps))

    def factor(step: int) -> float:
        return min((step + 1) / warmup, max(0.0, (n_steps - step) / max(1, n_steps - warmup)))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _set_dropout(config: TrainConfig, model: TokenClassifier) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout) and config.dropout is not None:
            module.p = config.dropout
        if isinstance(module, Layer) and config.attention_dropout is not None:
            module.attention_dropout = config.attention_dropout
