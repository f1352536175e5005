"""Responsible for where models are computed: on the processor, or on a GPU that torch drives through CUDA.

Everything is read, kept and written on the processor; a training moves its model when it begins, each batch
when it is asked, and brings the model back when it ends.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from compress.errors import DeviceError

AUTO, CPU, CUDA = "auto", "cpu", "cuda"


def pick_device(name: str) -> str:
    """``cpu`` or ``cuda``; ``auto`` is a GPU where torch sees one.

    :raises DeviceError: a GPU was asked for and there is none, or ``name`` is no device.
    """
    there = torch.cuda.is_available()
    if name == AUTO:
        return CUDA if there else CPU
    if name not in (CPU, CUDA):
        raise DeviceError("unknown device", "--device", repr(name), f"{AUTO}, {CPU} or {CUDA}")
    if name == CUDA and not there:
        got = (
            "none that torch sees" if torch.version.cuda else f"torch {torch.__version__}, built without CUDA"
        )
        raise DeviceError(
            "no GPU", "--device cuda", got, "a CUDA device", "leave --device out to use the processor"
        )
    return name


def device_of(model: nn.Module) -> torch.device:
    """Where a model's weights lie."""
    return next(model.parameters()).device


def capture_generators(device: str) -> dict[str, Tensor]:
    """The state of the random generators that dropout on ``device`` draws from, by name."""
    states = {"torch_rng": torch.get_rng_state()}
    return states | ({"cuda_rng": torch.cuda.get_rng_state()} if device == CUDA else {})


def restore_generators(device: str, states: Mapping[str, Tensor]) -> None:
    """Stand where :func:`capture_generators` did; tensors of other names are left alone."""
    torch.set_rng_state(states["torch_rng"])
    if device == CUDA:
        torch.cuda.set_rng_state(states["cuda_rng"])
