"""Responsible for masked-language training of an encoder: the loop from packed text to weights.

What is drawn depends on the seed and the number of the step or epoch alone, so that a training that goes on
needs its weights, the optimiser's moments and the step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from compress.adaptation.masked_model import MaskedModel
from compress.adaptation.masking import Ints, MaskedBatch, Pieces, hide, plan_batches
from compress.adaptation.packing import PackedText
from compress.device import CPU, device_of
from compress.encoder import Layer
from compress.errors import DataError
from compress.precision import autocast, has_bf16
from compress.training.optimizer import rate_factor
from compress.training.resume import TrainState, add_prefix, drop_prefix, read_state, write_state

_ORDER, _HIDING, _HELD_OUT = range(3)
"""What a random generator is for, beside the seed."""


@dataclass(frozen=True)
class PretrainConfig:
    """How an encoder is trained on."""

    epochs: int = 1
    """Passes over the text, at least 1; the learning rate ends at 0 with the last one."""
    tokens: int | None = None
    """Train on about so many tokens instead: less than a pass, or several."""
    batch_tokens: int = 4096
    """Tokens a step, at most."""
    max_tokens: int = 128
    """Longest sequence in tokens, the two special ones included."""
    rate: float = 5e-4
    """Highest learning rate."""
    warmup_share: float = 0.06
    """Share of all steps in which the rate rises, 0 to 1."""
    weight_decay: float = 0.01
    """Of matrices; biases and norms have none."""
    max_gradient_norm: float = 1.0
    masked_share: float = 0.15
    """Share of the tokens to be guessed, 0 to 1."""
    dropout: float = 0.0
    """While training. None by default: hardly any text is seen twice, and drawing it takes a tenth of the
    time."""
    checks: int = 20
    """How often the held-out text is asked and the state is written, evenly spread."""
    bf16: bool | None = None
    """Matrix products in bfloat16; None: where the processor has it."""
    seed: int = 0
    """Same seed, same result on one machine."""
    device: str = CPU
    """As in :class:`compress.training.train.TrainConfig`."""


@dataclass(frozen=True)
class Check:
    """Where a training stood, and how well held-out text was guessed then."""

    step: int
    """Steps done; 0 before the first."""
    tokens: int
    """Tokens trained on."""
    loss: float | None
    """Mean training loss since the check before; None before the first step."""
    held_out_loss: float
    """Mean cross-entropy of the hidden pieces, in nats."""
    accuracy: float
    """Share of the hidden pieces that were guessed, 0 to 1."""
    number_accuracy: float | None
    """The same of pieces of numbers; None where none was hidden."""


@dataclass(frozen=True)
class Progress:
    """Where a training stands; told after every step."""

    step: int
    n_steps: int
    loss: float
    """Mean since the last check."""
    tokens_per_second: float
    """Since then."""


def pretrain(
    config: PretrainConfig,
    model: MaskedModel,
    text: PackedText,
    held_out: PackedText,
    pieces: Pieces,
    *,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_check: Callable[[Check], None] = lambda check: None,
    state: Path | None = None,
    identity: str = "",
) -> tuple[Check, ...]:
    """Train ``model`` in place; the weights of the last step remain. Gives all checks.

    ``state`` is a file that keeps the training's state at every check; where it is there, and of this
    ``identity``, the training goes on from it. ``on_check`` is not told again of checks done before.

    :raises DataError: no text. :raises CheckpointError: ``state`` is of another training.
    """
    if not len(text.lengths) or not len(held_out.lengths):
        raise DataError("too little text", "text to adapt to", "no whole sequence", "two documents at least")
    loop = _Loop(config, model, text, pieces)
    checks: list[Check] = []
    if state is not None and (found := read_state(state, identity)):
        loop.restore(found)
        checks = [Check(**values) for values in found.values["checks"]]
    examiner = _Examiner(config, held_out, pieces)

    def check(loss: float | None) -> None:
        checks.append(Check(loop.step, loop.tokens, loss, *examiner.ask(model)))
        if state is not None and loop.step:
            write_state(state, loop.capture(checks), identity)
        on_check(checks[-1])

    if not checks:
        check(None)
    every = math.ceil(loop.n_steps / config.checks)
    while loop.step < loop.n_steps:
        stop = min(loop.n_steps, (loop.step // every + 1) * every)
        check(loop.run_to(stop, on_step))
    model.to(CPU).eval()
    return tuple(checks)


class _Loop:
    """The steps of a training."""

    def __init__(self, config: PretrainConfig, model: MaskedModel, text: PackedText, pieces: Pieces) -> None:
        self.config = config
        self.model = model.to(config.device)
        self.text = text
        self.pieces = pieces
        self.bf16 = has_bf16(config.device) if config.bf16 is None else config.bf16
        self.step = 0
        self.tokens = 0
        self.epoch = -1
        self.batches = self._plan(0)
        self.n_steps = config.epochs * len(self.batches)
        if config.tokens is not None:
            self.n_steps = max(1, round(config.tokens / text.n_tokens * len(self.batches)))
        self.optimizer = _build_optimizer(config, model)
        _prepare(config, model)

    def run_to(self, stop: int, on_step: Callable[[Progress], None]) -> float:
        """Steps until so many are done; the mean loss."""
        self.model.train()
        total, begun, before, started = 0.0, self.step, self.tokens, time.monotonic()
        while self.step < stop:
            total += self._learn()
            loss = total / (self.step - begun)
            speed = (self.tokens - before) / (time.monotonic() - started)
            on_step(Progress(self.step, self.n_steps, loss, speed))
        return total / max(1, stop - begun)

    def _plan(self, epoch: int) -> Sequence[Ints]:
        if epoch != self.epoch:
            rng = np.random.default_rng((self.config.seed, _ORDER, epoch))
            self.batches = plan_batches(self.text.lengths, self.config.batch_tokens, rng)
            self.epoch = epoch
        return self.batches

    def _learn(self) -> float:
        epoch, place = divmod(self.step, len(self.batches))
        sequences = self._plan(epoch)[place]
        rng = np.random.default_rng((self.config.seed, _HIDING, self.step))
        batch = hide(self.text, sequences, self.pieces, rng, share=self.config.masked_share)
        torch.manual_seed(int(rng.integers(2**62)))  # dropout draws from it
        for group in self.optimizer.param_groups:
            factor = rate_factor(self.step, self.n_steps, self.config.warmup_share)
            group["lr"] = self.config.rate * factor
        logits, goals = _guess(self.model, batch, self.bf16)
        loss = nn.functional.cross_entropy(logits.float(), goals)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.max_gradient_norm)
        self.optimizer.step()
        self.step += 1
        self.tokens += int(self.text.lengths[sequences].sum())
        return loss.item()

    def capture(self, checks: Sequence[Check]) -> TrainState:
        """All that the next step depends on, and the checks so far."""
        moments = {
            f"{index}.{name}": value
            for index, entry in self.optimizer.state_dict()["state"].items()
            for name, value in entry.items()
        }
        tensors = add_prefix("model", self.model.state_dict()) | add_prefix("optimizer", moments)
        values: dict[str, Any] = {"step": self.step, "tokens": self.tokens}
        return TrainState(tensors, values | {"checks": [asdict(check) for check in checks]})

    def restore(self, state: TrainState) -> None:
        """Stand where :meth:`capture` did."""
        self.model.load_state_dict(drop_prefix("model", state.tensors))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in drop_prefix("optimizer", state.tensors).items():
            index, _, kind = name.partition(".")
            moments.setdefault(int(index), {})[kind] = value
        self.optimizer.load_state_dict(self.optimizer.state_dict() | {"state": moments})
        self.step, self.tokens = state.values["step"], state.values["tokens"]


class _Examiner:
    """The held-out text, hidden in the same way each time."""

    def __init__(self, config: PretrainConfig, held_out: PackedText, pieces: Pieces) -> None:
        rng = np.random.default_rng((config.seed, _HELD_OUT))
        self.bf16 = has_bf16(config.device) if config.bf16 is None else config.bf16
        self.batches = [
            hide(held_out, sequences, pieces, rng, share=config.masked_share, always_masked=True)
            for sequences in plan_batches(held_out.lengths, config.batch_tokens, rng)
        ]

    def ask(self, model: MaskedModel) -> tuple[float, float, float | None]:
        """Mean loss, share of right guesses, and that of numbers."""
        model.eval()
        losses, right, numbers = [], [], []
        with torch.inference_mode():
            for batch in self.batches:
                logits, goals = _guess(model, batch, self.bf16)
                losses.append(nn.functional.cross_entropy(logits.float(), goals, reduction="none"))
                right.append(logits.argmax(dim=-1) == goals)
                numbers.append(torch.from_numpy(batch.numbers))
        hits, is_number = torch.cat(right).cpu(), torch.cat(numbers)
        number_accuracy = hits[is_number].double().mean().item() if is_number.any() else None
        return torch.cat(losses).double().mean().item(), hits.double().mean().item(), number_accuracy


def _guess(model: MaskedModel, batch: MaskedBatch, bf16: bool) -> tuple[Tensor, Tensor]:
    """Logits at the hidden places, and what stood there; on the model's device."""
    device = device_of(model)
    input_ids, places, goals = (
        torch.from_numpy(values).to(device) for values in (batch.input_ids, batch.places, batch.goals)
    )
    real = None if batch.real is None else torch.from_numpy(batch.real).to(device)
    with autocast(bf16, device.type):
        return model(input_ids, real, places), goals


def _build_optimizer(config: PretrainConfig, model: MaskedModel) -> torch.optim.Optimizer:
    learnt = [value for value in model.parameters() if value.requires_grad]
    groups = [
        {"params": [value for value in learnt if value.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [value for value in learnt if value.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98), eps=1e-6, fused=True)


def _prepare(config: PretrainConfig, model: MaskedModel) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = config.dropout
        if isinstance(module, Layer):
            module.attention_dropout = 0.0
            module.plain_attention = config.device == CPU
