"""Responsible for making up for what was removed: new output weights, by least squares.

From the bottom up, the output projection of each sublayer is solved anew so that the sum behind it (the
residual stream, before its norm) comes as near as it can to the dense model's. Each sublayer sees what
the solved ones below it really give, so errors are corrected instead of added up (the idea of Park et
al. 2024, https://arxiv.org/abs/2308.03449). No gradient, no label.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compress.encoder import TokenClassifier
from compress.features import Window
from compress.pruning.streams import Stream, climb


def reconstruct(
    pruned: TokenClassifier,
    dense: TokenClassifier,
    windows: Sequence[Window],
    *,
    ridge: float = 1e-2,
    batch_size: int = 16,
) -> None:
    """Solve the output projections of ``pruned`` anew, in place.

    ``ridge`` holds the new weights to the old ones; it is relative to the mean diagonal of the features'
    Gram matrix.
    """

    def mend(projection: nn.Linear, inputs: list[Tensor], sums: list[Tensor], streams: list[Stream]) -> None:
        _solve(projection, inputs, sums, streams, ridge)

    climb(pruned, dense, windows, mend_attention=mend, mend_feed=mend, batch_size=batch_size)


def _solve(
    projection: nn.Linear, inputs: list[Tensor], sums: list[Tensor], streams: list[Stream], ridge: float
) -> None:
    """Change weight and bias by the ridge solution for what they leave of ``sums`` unexplained."""
    width = projection.in_features + 1
    gram = torch.zeros(width, width, dtype=torch.float64)
    cross = torch.zeros(width, projection.out_features, dtype=torch.float64)
    for stream, values, target in zip(streams, inputs, sums, strict=True):
        missing = (target - stream.pruned - projection(values))[stream.real]
        rows = values[stream.real]
        rows = torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)
        gram += rows.T @ rows
        cross += rows.T @ missing
    penalty = gram.diagonal().mean() * ridge
    change = torch.linalg.solve(gram + penalty * torch.eye(width, dtype=torch.float64), cross).float()
    projection.weight.add_(change[:-1].T)
    projection.bias.add_(change[-1])
