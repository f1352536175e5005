"""Responsible for taking a sample up through a pruned model and its dense one, a sublayer at a time.

What mends a pruned model from the bottom up (:mod:`compress.pruning.reconstruct`,
:mod:`compress.pruning.tuning`) sees, for each sublayer, what its mended predecessors really give, and the sum
(the residual stream, before its norm) that the dense model has there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress.batches import Batch, sorted_batches
from compress.encoder import Layer, TokenClassifier
from compress.features import Window


@dataclass
class Stream:
    """One batch on its way up through both models."""

    bias: Tensor | None
    """Attention mask as the layers take it."""
    real: Tensor
    """True on tokens that are not padding. *Shape:* ``(batch, seq)``"""
    dense: Tensor
    """*Shape:* ``(batch, seq, hidden)``"""
    pruned: Tensor
    """*Shape:* ``(batch, seq, hidden)``"""


Mend = Callable[[nn.Linear, list[Tensor], list[Tensor], list[Stream]], None]
"""Changes a projection, in place, given its inputs, the dense model's sums, and the streams."""


def climb(
    pruned: TokenClassifier,
    dense: TokenClassifier,
    windows: Sequence[Window],
    *,
    mend_attention: Mend,
    mend_feed: Mend,
    batch_size: int = 16,
) -> None:
    """Call the mending of every sublayer of ``pruned`` in turn, bottom first, each after those below it."""
    pruned.eval()
    dense.eval()
    with torch.no_grad():
        streams = [_enter(batch, dense, pruned) for batch in sorted_batches(windows, batch_size)]
        for ours, theirs in zip(pruned.layers, dense.layers, strict=True):
            _pass_attention(ours, theirs, streams, mend_attention)  # type: ignore[arg-type]
            _pass_feed(ours, theirs, streams, mend_feed)  # type: ignore[arg-type]


def _enter(batch: Batch, dense: TokenClassifier, pruned: TokenClassifier) -> Stream:
    bias = None if batch.attention_mask is None else batch.attention_mask[:, None, None, :]
    return Stream(bias, batch.real, dense.embeddings(batch.input_ids), pruned.embeddings(batch.input_ids))


def _pass_attention(ours: Layer, theirs: Layer, streams: list[Stream], mend: Mend) -> None:
    inputs = [_context(ours, stream.pruned, stream.bias) for stream in streams]
    sums = [
        theirs.attention_output(_context(theirs, stream.dense, stream.bias)) + stream.dense
        for stream in streams
    ]
    mend(ours.attention_output, inputs, sums, streams)
    for stream, context, target in zip(streams, inputs, sums, strict=True):
        stream.pruned = ours.attention_norm(ours.attention_output(context) + stream.pruned)
        stream.dense = theirs.attention_norm(target)


def _pass_feed(ours: Layer, theirs: Layer, streams: list[Stream], mend: Mend) -> None:
    inputs = [nn.functional.gelu(ours.up(stream.pruned)) for stream in streams]
    sums = [theirs.down(nn.functional.gelu(theirs.up(stream.dense))) + stream.dense for stream in streams]
    mend(ours.down, inputs, sums, streams)
    for stream, activation, target in zip(streams, inputs, sums, strict=True):
        stream.pruned = ours.output_norm(ours.down(activation) + stream.pruned)
        stream.dense = theirs.output_norm(target)


def _context(layer: Layer, hidden: Tensor, bias: Tensor | None) -> Tensor:
    if layer.n_heads == 0:
        return hidden.new_zeros(*hidden.shape[:2], 0)
    return layer.context(hidden, bias)
