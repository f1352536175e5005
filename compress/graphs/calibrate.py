"""Responsible for measuring activations: which scale each integer product of the encoder gets.

Four sites a layer feed a product: the layer's input (query, key and value), the heads' contexts, the
feed-forward input and the neurons' activations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from compress.encoder import Layer, TokenClassifier
from compress.graphs.quantize import ActivationScale, Floats, choose_scale

SAMPLE_TOKENS = 4096
"""Tokens that a site's scale is chosen on; four thousand settle it, and the products stay quick."""


@dataclass(frozen=True, slots=True)
class LayerScales:
    """Activation scales of one layer."""

    attention_input: ActivationScale
    context: ActivationScale
    feed_input: ActivationScale
    activation: ActivationScale


_SITES = ("query", "attention_output", "up", "down")
"""The linear layers whose inputs are the four sites."""


@torch.no_grad()
def calibrate(model: TokenClassifier, batches: Sequence[Tensor]) -> tuple[LayerScales, ...]:
    """Activation scales of every layer, bottom first.

    :param batches: token ids without padding, ``(batch, seq)`` each, special tokens included.
    """
    model.eval()
    hidden = [model.embeddings(batch) for batch in batches]
    rows = _sample_rows([batch.numel() for batch in batches])
    scales = []
    for layer in model.layers:
        assert isinstance(layer, Layer)
        inputs, hidden = _pass(layer, hidden, rows)
        scales.append(_choose_scales(layer, inputs))
    return tuple(scales)


def _sample_rows(sizes: list[int]) -> list[Tensor]:
    """Tokens of each batch that are in the sample, evenly spread over all of them."""
    step = max(1, sum(sizes) // SAMPLE_TOKENS)
    rows = []
    before = 0
    for size in sizes:
        rows.append(torch.arange(-before % step, size, step))
        before += size
    return rows


def _pass(
    layer: Layer, hidden: list[Tensor], rows: list[Tensor]
) -> tuple[dict[str, list[Tensor]], list[Tensor]]:
    """What the products of a layer are given, for the sampled tokens, and what the layer gives for all."""
    inputs: dict[str, list[Tensor]] = {site: [] for site in _SITES}

    def watch(site: str) -> RemovableHandle:
        def keep(_module: nn.Module, given: tuple[Tensor, ...]) -> None:
            seen = inputs[site]
            seen.append(given[0].flatten(0, 1)[rows[len(seen)]])

        module: nn.Module = getattr(layer, site)
        return module.register_forward_pre_hook(keep)

    handles = [watch(site) for site in _SITES]
    try:
        return inputs, [layer(states) for states in hidden]
    finally:
        for handle in handles:
            handle.remove()


def _choose_scales(layer: Layer, inputs: dict[str, list[Tensor]]) -> LayerScales:
    queries = torch.cat([layer.query.weight, layer.key.weight, layer.value.weight])
    return LayerScales(
        attention_input=_choose(inputs["query"], queries),
        context=_choose(inputs["attention_output"], layer.attention_output.weight),
        feed_input=_choose(inputs["up"], layer.up.weight),
        activation=_choose(inputs["down"], layer.down.weight),
    )


def _choose(states: list[Tensor], weight: Tensor) -> ActivationScale:
    """Scale of one site. ``states``: ``(tokens, inputs)`` each; ``weight``: ``(outputs, inputs)``."""
    if not states or weight.numel() == 0:
        return ActivationScale(scale=1.0, zero_point=0)
    tokens: Floats = torch.cat(states).numpy()
    return choose_scale(tokens, weight.T.numpy())
