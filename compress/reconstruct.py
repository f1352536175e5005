"""Responsible for making up for what was removed: new output weights, by least squares.

From the bottom up, the output projection of each sublayer is solved anew so that the sum behind it (the
residual stream, before its norm) comes as near as it can to the dense model's. Each sublayer sees what
the solved ones below it really give, so errors are corrected instead of added up (the idea of Park et
al. 2024, https://arxiv.org/abs/2308.03449). No gradient, no label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress.batches import Batch, sorted_batches
from compress.encoder import Layer, TokenClassifier
from compress.features import Window


@dataclass
class _Stream:
    """One batch on its way up through both models."""

    bias: Tensor | None
    """Attention mask as the layers take it."""
    real: Tensor
    """True on tokens that are not padding. *Shape:* ``(batch, seq)``"""
    dense: Tensor
    """*Shape:* ``(batch, seq, hidden)``"""
    pruned: Tensor
    """*Shape:* ``(batch, seq, hidden)``"""


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
    pruned.eval()
    dense.eval()
    with torch.no_grad():
        streams = [_enter(batch, dense, pruned) for batch in sorted_batches(windows, batch_size)]
        for ours, theirs in zip(pruned.layers, dense.layers, strict=True):
            _solve_attention(ours, theirs, streams, ridge)  # type: ignore[arg-type]
            _solve_feed(ours, theirs, streams, ridge)  # type: ignore[arg-type]


def _enter(batch: Batch, dense: TokenClassifier, pruned: TokenClassifier) -> _Stream:
    bias = None if batch.attention_mask is None else batch.attention_mask[:, None, None, :]
    return _Stream(bias, batch.real, dense.embeddings(batch.input_ids), pruned.embeddings(batch.input_ids))


def _solve_attention(ours: Layer, theirs: Layer, streams: list[_Stream], ridge: float) -> None:
    inputs = [_context(ours, stream.pruned, stream.bias) for stream in streams]
    sums = [
        theirs.attention_output(_context(theirs, stream.dense, stream.bias)) + stream.dense
        for stream in streams
    ]
    _solve(ours.attention_output, inputs, sums, streams, ridge)
    for stream, context, target in zip(streams, inputs, sums, strict=True):
        stream.pruned = ours.attention_norm(ours.attention_output(context) + stream.pruned)
        stream.dense = theirs.attention_norm(target)


def _solve_feed(ours: Layer, theirs: Layer, streams: list[_Stream], ridge: float) -> None:
    inputs = [nn.functional.gelu(ours.up(stream.pruned)) for stream in streams]
    sums = [theirs.down(nn.functional.gelu(theirs.up(stream.dense))) + stream.dense for stream in streams]
    _solve(ours.down, inputs, sums, streams, ridge)
    for stream, activation, target in zip(streams, inputs, sums, strict=True):
        stream.pruned = ours.output_norm(ours.down(activation) + stream.pruned)
        stream.dense = theirs.output_norm(target)


def _context(layer: Layer, hidden: Tensor, bias: Tensor | None) -> Tensor:
    if layer.n_heads == 0:
        return hidden.new_zeros(*hidden.shape[:2], 0)
    return layer.context(hidden, bias)


def _solve(
    projection: nn.Linear, inputs: list[Tensor], sums: list[Tensor], streams: list[_Stream], ridge: float
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
