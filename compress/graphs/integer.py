"""Responsible for writing a token classifier as a graph that computes in integers, from token ids to logits.

The arithmetic is that of I-BERT (Kim et al. 2021, https://arxiv.org/abs/2101.01321): second-order polynomials
for GELU and exponential, Newton's integer square root in the norms, rescaling by an integer and a shift. It
serves the comparison of methods. Deviations, all towards more exact: intermediate values have 64 bits instead
of 32, products take their inputs with a zero point, and no fine-tuning follows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import onnx
import torch
from torch import Tensor, nn

from compress.encoder import Layer, TokenClassifier
from compress.graphs.arithmetic import SHARE_BITS, Integers, IntegerWriter
from compress.graphs.calibrate import SAMPLE_TOKENS, LayerScales, calibrate
from compress.graphs.graph import Graph
from compress.graphs.quantize import ActivationScale, choose_scale


@dataclass(frozen=True, slots=True)
class Ranges:
    """Greatest absolute values of a layer beyond those of :class:`compress.graphs.calibrate.LayerScales`."""

    query: float
    key: float
    value: float
    attention_sum: float
    feed_sum: float


@dataclass(frozen=True, slots=True)
class IntegerScales:
    """All that is measured for an integer model."""

    layers: tuple[LayerScales, ...]
    ranges: tuple[Ranges, ...]
    embedding_sum: float
    output: ActivationScale
    """Of the classifier's input."""


@torch.no_grad()
def measure_scales(model: TokenClassifier, batches: Sequence[Tensor]) -> IntegerScales:
    """Everything an integer model needs to know of its activations.

    :param batches: token ids without padding, ``(batch, seq)`` each.
    """
    model.eval()
    tables = model.embeddings
    embedded = _greatest(
        [tables.word(batch) + tables.position(torch.arange(batch.shape[1])) for batch in batches]
    )
    hidden = [model.embeddings(batch) for batch in batches]
    ranges = []
    for layer in model.layers:
        assert isinstance(layer, Layer)
        ranges.append(_measure_layer(layer, hidden))
        hidden = [layer(states) for states in hidden]
    tokens = torch.cat([states.flatten(0, 1) for states in hidden]).numpy()
    sample = tokens[:: max(1, len(tokens) // SAMPLE_TOKENS)]
    output = choose_scale(sample, model.classifier.weight.detach().numpy().T)
    return IntegerScales(calibrate(model, batches), tuple(ranges), embedded, output)


def _measure_layer(layer: Layer, hidden: list[Tensor]) -> Ranges:
    middle = [layer.attend(states, None, None) for states in hidden]
    contexts = [layer.context(states, None) for states in hidden] if layer.n_heads else []
    sums = [layer.attention_output(c) + h for c, h in zip(contexts, hidden, strict=False)] or hidden
    fed = [layer.down(nn.functional.gelu(layer.up(states))) + states for states in middle]
    return Ranges(
        query=_greatest([layer.query(states) for states in hidden]),
        key=_greatest([layer.key(states) for states in hidden]),
        value=_greatest([layer.value(states) for states in hidden]),
        attention_sum=_greatest(sums),
        feed_sum=_greatest(fed),
    )


def _greatest(states: Sequence[Tensor]) -> float:
    return max((float(values.abs().max()) for values in states if values.numel()), default=0.0) or 1.0


def emit_integers(
    model: TokenClassifier, scales: IntegerScales, *, max_tokens: int | None = None
) -> onnx.ModelProto:
    """The model as ONNX without floating point between ids and logits; those are real numbers again."""
    writer = IntegerWriter(Graph())
    hidden = writer.embed(model, scales.embedding_sum, max_tokens)
    for layer, layer_scales, ranges in zip(model.layers, scales.layers, scales.ranges, strict=True):
        assert isinstance(layer, Layer)
        hidden = _write_layer(writer, layer, layer_scales, ranges, hidden)
    logits = writer.product(hidden, scales.output, model.classifier)
    return writer.graph.finish(logits=writer.real(logits), n_tags=len(model.config.labels))


def _write_layer(
    writer: IntegerWriter, layer: Layer, scales: LayerScales, ranges: Ranges, hidden: Integers
) -> Integers:
    if layer.n_heads:
        context = _write_heads(writer, layer, scales, ranges, hidden)
        update = writer.product(context, scales.context, layer.attention_output)
    else:
        update = writer.constant(layer.attention_output.bias, ranges.attention_sum)
    middle = writer.norm(writer.add(update, hidden, ranges.attention_sum), layer.attention_norm)
    if layer.up.out_features:
        neurons = writer.gelu(writer.product(middle, scales.feed_input, layer.up))
        update = writer.product(neurons, scales.activation, layer.down)
    else:
        update = writer.constant(layer.down.bias, ranges.feed_sum)
    return writer.norm(writer.add(update, middle, ranges.feed_sum), layer.output_norm)


def _write_heads(
    writer: IntegerWriter, layer: Layer, scales: LayerScales, ranges: Ranges, hidden: Integers
) -> Integers:
    parts = {}
    for name in ("query", "key", "value"):
        linear = getattr(layer, name)
        whole = writer.product(hidden, scales.attention_input, linear)
        step = getattr(ranges, name) / 127
        order = [0, 2, 3, 1] if name == "key" else [0, 2, 1, 3]
        parts[name] = writer.apart(writer.rescale(whole, step, 7), layer, order), step
    (query, query_step), (key, key_step), (value, value_step) = parts.values()
    score_step = query_step * key_step / math.sqrt(layer.head_width)
    scores = writer.wide(writer.graph.node("MatMulInteger", query, key), score_step)
    shares = writer.softmax(scores)
    mixed = writer.graph.node("MatMulInteger", shares, value)
    context = writer.wide(mixed, value_step / 2**SHARE_BITS)
    return writer.together(context, layer)
