"""Responsible for teaching a smaller model what its dense one says about unlabelled text.

The student follows the teacher token by token: the divergence between their softened answers (Hinton et al.
2015, https://arxiv.org/abs/1503.02531) and the distance between their hidden states (as XtremeDistil does for
entity recognition, Mukherjee and Awadallah 2020). No label is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from compress.batches import Batch, n_batches, shuffled_batches
from compress.device import CPU
from compress.encoder import TokenClassifier
from compress.errors import DataError
from compress.features import Features, Window
from compress.precision import autocast, has_bf16
from compress.predict import score_model
from compress.training.average import Average
from compress.training.optimizer import MAX_GRADIENT_NORM, Rates, build_optimizer


@dataclass(frozen=True)
class DistilConfig:
    """How a student learns from unlabelled text."""

    epochs: int = 1
    """Times that all text is read."""
    batch_size: int = 16
    """Windows a step."""
    rate: float = 1e-4
    """Highest learning rate."""
    temperature: float = 2.0
    """Softens both models' answers before they are compared."""
    hidden_weight: float = 1.0
    """Weight of the hidden states' squared distance beside the divergence; 0 leaves them alone."""
    average_decay: float = 0.998
    """As in :class:`compress.training.train.TrainConfig`."""
    bf16: bool | None = None
    """Matrix products in bfloat16; None: where the processor has it."""
    seed: int = 0
    device: str = CPU
    """As in :class:`compress.training.train.TrainConfig`."""


@dataclass(frozen=True)
class DistilResult:
    """A taught model."""

    model: TokenClassifier
    losses: tuple[float, ...]
    """Mean of each epoch."""
    dev_f1: tuple[float, ...]
    """After each epoch, on dev; empty without."""


def distil(
    config: DistilConfig,
    student: TokenClassifier,
    teacher: TokenClassifier,
    windows: Sequence[Window],
    dev: Features | None = None,
    *,
    on_step: Callable[[int, int, float], None] | None = None,
) -> DistilResult:
    """Teach ``student`` in place on the text of ``windows``; the last epoch remains.

    ``on_step`` is told the steps done, those to do in all, and the epoch's mean loss so far.

    :raises DataError: no text.
    """
    if not windows:
        raise DataError("nothing to distil on", "unlabelled text", "no sentence", "at least one")
    steps = config.epochs * n_batches(len(windows), config.batch_size)
    student.to(config.device)
    teacher.to(config.device)
    optimizer, schedule = build_optimizer(Rates(config.rate, config.rate), student, steps)
    average = Average(student, config.average_decay)
    bf16 = has_bf16(config.device) if config.bf16 is None else config.bf16
    layers = matched_layers(student.config.n_layers, teacher.config.n_layers)
    rng = np.random.default_rng(config.seed)
    # Nothing is drawn: a teacher's answer holds no noise that dropout would have to smooth.
    student.eval()
    teacher.eval()
    losses: list[float] = []
    dev_f1: list[float] = []
    done = 0
    for _epoch in range(config.epochs):
        total, count = 0.0, 0
        for batch in shuffled_batches(windows, config.batch_size, rng):
            loss = _loss(config, student, teacher, batch.to(config.device), layers, bf16)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(student.parameters(), MAX_GRADIENT_NORM)
            optimizer.step()
            schedule.step()
            done, count, total = done + 1, count + 1, total + loss.item()
            average.update(student, done)
            if on_step is not None:
                on_step(done, steps, total / count)
        losses.append(total / count)
        if dev is not None:
            dev_f1.append(score_model(average.model, dev).f1)
    student.to(CPU).load_state_dict(average.model.state_dict())
    teacher.to(CPU)
    return DistilResult(student, tuple(losses), tuple(dev_f1))


def matched_layers(n_student: int, n_teacher: int) -> tuple[int, ...]:
    """For each layer of the student, bottom first, the teacher's layer it stands for: evenly spread, last to
    last."""
    return tuple(round((index + 1) * n_teacher / n_student) - 1 for index in range(n_student))


def _loss(
    config: DistilConfig,
    student: TokenClassifier,
    teacher: TokenClassifier,
    batch: Batch,
    layers: tuple[int, ...],
    bf16: bool,
) -> Tensor:
    with torch.no_grad(), autocast(bf16, config.device):
        goal_states = teacher.states(batch.input_ids, batch.attention_mask)
        goal = teacher.classifier(goal_states[-1])
    with autocast(bf16, config.device):
        states = student.states(batch.input_ids, batch.attention_mask)
        logits = student.classifier(states[-1])
    real = batch.real
    divergence = nn.functional.kl_div(
        nn.functional.log_softmax(logits.float()[real] / config.temperature, dim=-1),
        nn.functional.log_softmax(goal.float()[real] / config.temperature, dim=-1),
        log_target=True,
        reduction="batchmean",
    )
    loss = config.temperature**2 * divergence
    if config.hidden_weight:
        distances = [
            nn.functional.mse_loss(states[index].float()[real], goal_states[place].float()[real])
            for index, place in enumerate(layers)
        ]
        loss = loss + config.hidden_weight * torch.stack(distances).mean()
    return loss
