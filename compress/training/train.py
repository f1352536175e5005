"""Responsible for fine-tuning a token classifier and keeping its best epoch.

A training that was interrupted goes on after its last whole epoch, and ends with the very weights that it
would have ended with (:mod:`compress.training.resume`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from compress.batches import Batch, n_batches, shuffled_batches
from compress.device import CPU, capture_generators, restore_generators
from compress.encoder import Layer, TokenClassifier
from compress.errors import DataError
from compress.features import Features
from compress.precision import autocast, has_bf16
from compress.predict import score_model
from compress.training.average import Average
from compress.training.course import Course, EpochScore
from compress.training.loss import token_loss, weigh_tags
from compress.training.optimizer import MAX_GRADIENT_NORM, Rates, build_optimizer
from compress.training.resume import (
    TrainState,
    add_prefix,
    drop_prefix,
    identify,
    join_states,
    read_state,
    write_state,
)

__all__ = [
    "EpochScore",
    "Progress",
    "TrainConfig",
    "TrainResult",
    "Update",
    "train",
]

Logits = npt.NDArray[np.float32] | npt.NDArray[np.float16]


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained. The defaults were chosen on folds of the endpoint data."""

    epochs: int = 8
    """At least 1; the learning rate ends at 0 with the last one."""
    patience: int | None = None
    """Stop after so many epochs without a better F1 on dev, at least 1; None never does."""
    batch_size: int = 16
    """Windows a step."""
    body_rate: float = 1.5e-4
    """Highest learning rate of the encoder."""
    head_rate: float = 1e-3
    """Highest learning rate of the new head."""
    warmup_share: float = Rates.warmup_share
    """Share of all steps in which the rate rises, 0 to 1."""
    weight_decay: float = Rates.weight_decay
    """Of matrices; biases and norms have none."""
    max_gradient_norm: float = MAX_GRADIENT_NORM
    average_decay: float = 0.998
    """What is scored and kept is a moving average of the weights, in which each step before counts this
    much as often; 0 to less than 1, where 0 is the weights themselves."""
    dropout: float | None = None
    """Dropout while training; None keeps the checkpoint's."""
    attention_dropout: float | None = 0.0
    """Dropout of attention weights while training; 0 allows a faster kernel. None keeps the checkpoint's."""
    rare_labels: float = 0.0
    """Power by which rare labels count more (:func:`compress.training.loss.weigh_tags`); 0: all alike."""
    distil_weight: float = 0.5
    """Share of an annotated sentence's loss that is divergence to a teacher, where there is one, 0 to 1."""
    unlabelled_weight: float = 1.0
    """How much a token of a sentence without tags counts beside one of an annotated sentence, 0 or more."""
    temperature: float = 2.0
    """Softens teacher and student alike before they are compared."""
    bf16: bool | None = None
    """Matrix products in bfloat16; None: where the processor has it."""
    seed: int = 0
    """Same seed, same result on one machine."""
    device: str = CPU
    """Where to compute, ``cpu`` or ``cuda``; the model is given and comes back on the processor."""


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
    teacher_logits: Sequence[Logits] | None = None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[EpochScore], None] | None = None,
    on_update: Update | None = None,
    state: Path | None = None,
    identity: str | None = None,
) -> TrainResult:
    """Fine-tune ``model`` in place on ``data``; what remains is the epoch with the best F1 on ``dev``,
    or without ``dev`` the last one.

    ``teacher_logits`` (one array ``(tokens + 2, tags)`` a window of ``data``) adds the divergence to a
    teacher to the loss; windows whose tags are all ignored are learnt from the teacher alone. Of a token
    whose row is NaN the teacher says nothing.

    ``state`` is a file that keeps the training's state after every epoch; where it is there, the training
    goes on from it. ``on_epoch`` is not told again of epochs that were done before. ``identity`` says which
    training it is of, where the caller knows more shortly than by all that is given here.

    :raises DataError: nothing to learn from. :raises CheckpointError: ``state`` is of another training.
    """
    if teacher_logits is None and not any(sentence.entities for sentence in data.sentences):
        raise DataError("nothing to learn", "training data", "no entity", "at least one")
    if identity is None and state is not None:
        identity = identify(asdict(config), model, data, dev, teacher_logits)
    loop = _Loop(config, model, data, teacher_logits, on_step or (lambda progress: None), on_update)
    course = Course()
    if state is not None and (found := read_state(state, identity or "")):
        loop.restore(found)
        course.restore(found)
    while not course.is_over(config.epochs, config.patience):
        epoch = len(course.epochs) + 1
        loss = loop.run_epoch(epoch)
        scores = None if dev is None else score_model(loop.average.model, dev)
        course.add(EpochScore(epoch, loss, scores), loop.average.model)
        if state is not None:
            write_state(state, join_states(loop.capture(), course.capture()), identity or "")
        if on_epoch is not None:
            on_epoch(course.epochs[-1])
    model.to(CPU).load_state_dict(course.weights)
    return TrainResult(model.eval(), tuple(course.epochs), course.best_epoch)


class _Loop:
    """The steps of a training, epoch by epoch."""

    def __init__(
        self,
        config: TrainConfig,
        model: TokenClassifier,
        data: Features,
        teacher_logits: Sequence[Logits] | None,
        on_step: Callable[[Progress], None],
        on_update: Update | None,
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.model = model.to(config.device)
        self.windows = data.windows
        self.teacher_logits = teacher_logits
        self.on_step = on_step
        self.on_update = on_update
        self.rng = np.random.default_rng(config.seed)
        self.bf16 = has_bf16(config.device) if config.bf16 is None else config.bf16
        self.n_steps = config.epochs * n_batches(len(data.windows), config.batch_size)
        self.step = 0
        self.optimizer, self.schedule = build_optimizer(
            Rates(config.body_rate, config.head_rate, config.warmup_share, config.weight_decay),
            model,
            self.n_steps,
        )
        _set_dropout(config, model)
        self.average = Average(model, config.average_decay)
        weights = weigh_tags(data, config.rare_labels)
        self.tag_weights = None if weights is None else weights.to(config.device)

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
        batch = batch.to(self.config.device)
        with autocast(self.bf16, self.config.device):
            logits = self.model(batch.input_ids, batch.attention_mask)
        teacher = None if self.teacher_logits is None else _stack(self.teacher_logits, batch)
        loss = token_loss(
            logits.float(),
            batch,
            teacher,
            tag_weights=self.tag_weights,
            distil_weight=self.config.distil_weight,
            unlabelled_weight=self.config.unlabelled_weight,
            temperature=self.config.temperature,
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_gradient_norm)
        self.optimizer.step()
        self.schedule.step()
        return loss.item()

    def capture(self) -> TrainState:
        """All that the next step depends on."""
        moments = {
            f"{index}.{name}": value
            for index, entry in self.optimizer.state_dict()["state"].items()
            for name, value in entry.items()
        }
        tensors = {
            **add_prefix("model", self.model.state_dict()),
            **(add_prefix("average", self.average.model.state_dict()) if self.average.decay else {}),
            **add_prefix("optimizer", moments),
            **capture_generators(self.config.device),
        }
        values = {
            "step": self.step,
            "numpy_rng": self.rng.bit_generator.state,
            "schedule": self.schedule.state_dict(),
        }
        return TrainState(tensors, values)

    def restore(self, state: TrainState) -> None:
        """Stand where :meth:`capture` did."""
        self.model.load_state_dict(drop_prefix("model", state.tensors))
        if self.average.decay:
            self.average.model.load_state_dict(drop_prefix("average", state.tensors))
        self.schedule.load_state_dict(dict(state.values["schedule"]))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in drop_prefix("optimizer", state.tensors).items():
            index, _, kind = name.partition(".")
            moments.setdefault(int(index), {})[kind] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        for group, rate in zip(self.optimizer.param_groups, self.schedule.get_last_lr(), strict=True):
            group["lr"] = rate
        self.step = state.values["step"]
        self.rng.bit_generator.state = state.values["numpy_rng"]
        restore_generators(self.config.device, state.tensors)


def _stack(teacher_logits: Sequence[Logits], batch: Batch) -> Tensor:
    rows = [torch.from_numpy(teacher_logits[index]).float() for index in batch.indices]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True).to(batch.input_ids.device)


def _set_dropout(config: TrainConfig, model: TokenClassifier) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout) and config.dropout is not None:
            module.p = config.dropout
        if isinstance(module, Layer) and config.attention_dropout is not None:
            module.attention_dropout = config.attention_dropout
