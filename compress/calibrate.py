"""Responsible for measuring activations: which scale each integer product of the encoder gets.

Four sites a layer feed a product: the layer's input (query, key and value), the heads' contexts, the
feed-forward input and the neurons' activations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from compress.encoder import Layer, TokenClassifier
from compress.quantize import ActivationScale, Floats, choose_scale

SAMPLE_TOKENS = 4096
"""Tokens that a site's scale is chosen on; four thousand settle it, and the products stay quick."""


@dataclass(frozen=True, slots=True)
class LayerScales:
    """Activation scales of one layer."""

    attention_input: ActivationScale
    context: ActivationScale
    feed_input: ActivationScale
    activation: ActivationScale


@torch.no_grad()
def calibrate(model: TokenClassifier, batches: Sequence[Tensor]) -> tuple[LayerScales, ...]:
    """Activation scales of every layer, bottom first.

    :param batches: token ids without padding, ``(batch, seq)`` each, special tokens included.
    """
    model.eval()
    hidden = [model.embeddings(batch) for batch in batches]
    scales = []
    for layer in model.layers:
        assert isinstance(layer, Layer)
        scales.append(_calibrate_layer(layer, hidden))
        hidden = [layer(states) for states in hidden]
    return tuple(scales)


def _calibrate_layer(layer: Layer, hidden: list[Tensor]) -> LayerScales:
    contexts = [layer.context(states, None) for states in hidden] if layer.n_heads else []
    feed_inputs = [layer.attend(states, None, None) for states in hidden]
    activations = [nn.functional.gelu(layer.up(states)) for states in feed_inputs]
    queries = torch.cat([layer.query.weight, layer.key.weight, layer.value.weight])
    return LayerScales(
        attention_input=_choose(hidden, queries),
        context=_choose(contexts, layer.attention_output.weight),
        feed_input=_choose(feed_inputs, layer.up.weight),
        activation=_choose(activations, layer.down.weight),
    )


def _choose(states: list[Tensor], weight: Tensor) -> ActivationScale:
    """Scale of one site. ``states``: ``(batch, seq, inputs)`` each; ``weight``: ``(outputs, inputs)``."""
    if not states or weight.numel() == 0:
        return ActivationScale(scale=1.0, zero_point=0)
    tokens: Floats = torch.cat([batch.flatten(0, 1) for batch in states]).numpy()
    step = max(1, len(tokens) // SAMPLE_TOKENS)
    return choose_scale(tokens[::step], weight.T.numpy())
