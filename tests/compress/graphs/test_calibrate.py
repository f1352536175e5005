"""Scales are chosen on what the layers are really given, at tokens spread over all text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from compress.encoder import TokenClassifier
from compress.graphs import calibrate as module
from compress.graphs.calibrate import calibrate
from compress.graphs.quantize import choose_scale


@pytest.fixture
def batches(model: TokenClassifier) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randint(5, model.config.vocab_size, (3, length)) for length in (5, 9, 17, 30)]


def spread(states: list[Tensor], step: int) -> Tensor:
    return torch.cat([batch.flatten(0, 1) for batch in states])[::step]


@pytest.mark.parametrize("sample", [1_000_000, 20])
@torch.no_grad()
def test_scales_are_those_of_each_sites_inputs(
    model: TokenClassifier, batches: list[Tensor], monkeypatch: pytest.MonkeyPatch, sample: int
) -> None:
    monkeypatch.setattr(module, "SAMPLE_TOKENS", sample)
    step = max(1, sum(batch.numel() for batch in batches) // sample)
    hidden = [model.embeddings(batch) for batch in batches]
    for layer, scales in zip(model.layers, calibrate(model, batches), strict=True):
        contexts = [layer.context(states, None) for states in hidden]
        fed = [layer.attend(states, None, None) for states in hidden]
        activations = [nn.functional.gelu(layer.up(states)) for states in fed]
        queries = torch.cat([layer.query.weight, layer.key.weight, layer.value.weight])
        expected = {
            "attention_input": (hidden, queries),
            "context": (contexts, layer.attention_output.weight),
            "feed_input": (fed, layer.up.weight),
            "activation": (activations, layer.down.weight),
        }
        for site, (states, weight) in expected.items():
            assert getattr(scales, site) == choose_scale(spread(states, step).numpy(), weight.T.numpy()), site
        hidden = [layer(states) for states in hidden]


def test_layers_without_heads_or_neurons_have_scales_that_nothing_uses(
    model: TokenClassifier, batches: list[Tensor]
) -> None:
    first, second = calibrate(model.with_sizes((0, 4), (64, 0)), batches)
    assert (first.context.scale, second.activation.scale) == (1.0, 1.0)
    assert second.feed_input.scale == 1.0


def test_nothing_watches_the_model_afterwards(model: TokenClassifier, batches: list[Tensor]) -> None:
    calibrate(model, batches)
    assert not any(hooks for layer in model.modules() for hooks in _hooks(layer))


def _hooks(layer: nn.Module) -> Iterator[object]:
    yield layer._forward_pre_hooks
    yield layer._forward_hooks
