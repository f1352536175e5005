"""Responsible for mask tuning: one number for each remaining head and neuron, by least squares (Kwon et al.
2022, section 3.4, https://arxiv.org/abs/2204.09656).

The number scales what a unit adds to the residual stream; it is folded into the unit's columns of the output
projection, so the model has no masks afterwards. Changes are damped by 1, as published. A sublayer with
a number beyond 10 either way is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compress.encoder import TokenClassifier
from compress.features import Window
from compress.pruning.streams import Mend, Stream, climb

LARGEST_SCALE = 10.0


def tune(
    pruned: TokenClassifier, dense: TokenClassifier, windows: Sequence[Window], *, damping: float = 1.0
) -> None:
    """Scale the heads and neurons of ``pruned`` to answer more like ``dense``, in place."""
    climb(
        pruned,
        dense,
        windows,
        mend_attention=_mender(pruned.config.head_width, damping),
        mend_feed=_mender(1, damping),
    )


def _mender(unit_width: int, damping: float) -> Mend:
    def mend(projection: nn.Linear, inputs: list[Tensor], sums: list[Tensor], streams: list[Stream]) -> None:
        if projection.in_features == 0:
            return
        change = _solve(projection, unit_width, inputs, sums, streams, damping)
        scales = 1 + change
        if bool((scales.abs() <= LARGEST_SCALE).all()):
            projection.weight.mul_(scales.repeat_interleave(unit_width))

    return mend


def _solve(
    projection: nn.Linear,
    unit_width: int,
    inputs: list[Tensor],
    sums: list[Tensor],
    streams: list[Stream],
    damping: float,
) -> Tensor:
    """Changes of the units' numbers from 1. *Shape:* ``(units,)``

    A unit adds ``x_u W_u`` to a token's sum. Products of two such sums over all tokens need only the
    inputs' Gram matrix and that of the columns: ``sum_t <x_u W_u, x_v W_v> = sum_ij G_ij (W W^T)_ij``
    over the entries of u and v.
    """
    weight = projection.weight.double()
    gram = torch.zeros(projection.in_features, projection.in_features, dtype=torch.float64)
    cross = torch.zeros(projection.in_features, projection.out_features, dtype=torch.float64)
    for stream, values, target in zip(streams, inputs, sums, strict=True):
        missing = (target - stream.pruned - projection(values))[stream.real]
        rows = values[stream.real]
        gram += rows.T @ rows
        cross += rows.T @ missing
    n_units = projection.in_features // unit_width
    joint = (gram * (weight.T @ weight)).view(n_units, unit_width, n_units, unit_width).sum(dim=(1, 3))
    gain = (cross * weight.T).sum(dim=1).view(n_units, unit_width).sum(dim=1)
    damped = joint + damping * torch.eye(n_units, dtype=torch.float64)
    change: Tensor = torch.linalg.solve(damped, gain).float()
    return change
