"""Responsible for writing a token classifier as an ONNX graph, straight from its weights.

No exporter and no graph optimiser stand in between: the graph has the form that measured fastest on CPU
(``docs/performance.md``), each layer has its own number of heads and neurons, and there is no attention mask,
because batches hold no padding. Integer products are ``MatMulIntegerToFloat`` on activations quantised
with fixed scales; one product serves query, key and value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto
from torch import Tensor, nn

from compress.calibrate import LayerScales
from compress.encoder import Embeddings, Layer, TokenClassifier
from compress.graph import CONTRIB, Graph
from compress.quantize import ActivationScale, quantize_columns, quantize_rows

Floats = npt.NDArray[np.float32]


def emit(
    model: TokenClassifier, scales: Sequence[LayerScales] | None = None, *, max_tokens: int | None = None
) -> onnx.ModelProto:
    """The model as ONNX: with ``scales`` in int8, without them in fp32.

    The word embeddings and the encoder's linear layers become int8; norms, softmax, GELU and the classifier
    stay in float. Positions beyond ``max_tokens`` (None: those of the model) are left out.
    """
    graph = Graph()
    hidden = _embed(graph, model.embeddings, max_tokens=max_tokens, int8=scales is not None)
    for index, layer in enumerate(model.layers):
        assert isinstance(layer, Layer)
        writer = _LayerWriter(graph, layer, None if scales is None else scales[index])
        hidden = writer.feed(writer.attend(hidden))
    logits = _linear(graph, hidden, _weight(model.classifier), _array(model.classifier.bias))
    return graph.finish(logits=logits, n_tags=len(model.config.labels))


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().cpu().float().numpy()


def _weight(linear: nn.Linear) -> Floats:
    """Weight of a linear layer as ``(inputs, outputs)``; torch keeps it the other way round."""
    return _array(linear.weight).T


def _linear(graph: Graph, value: str, weight: Floats, bias: Floats) -> str:
    return graph.node("Add", graph.node("MatMul", value, graph.constant(weight)), graph.constant(bias))


def _norm(graph: Graph, value: str, norm: nn.LayerNorm) -> str:
    gamma, beta = graph.constant(_array(norm.weight)), graph.constant(_array(norm.bias))
    return graph.node("LayerNormalization", value, gamma, beta, axis=-1, epsilon=norm.eps)


def _embed(graph: Graph, embeddings: Embeddings, *, max_tokens: int | None, int8: bool) -> str:
    one = np.array([1], np.int64)
    words = _look_up(graph, _array(embeddings.word.weight), "input_ids", int8=int8)
    length = graph.node("Shape", "input_ids", start=1, end=2)
    zero, axis = graph.constant(one - 1), graph.constant(one - 1)
    table = graph.constant(_array(embeddings.position.weight)[:max_tokens])
    positions = graph.node("Slice", table, zero, length, axis)
    return _norm(graph, graph.node("Add", words, positions), embeddings.norm)


def _look_up(graph: Graph, table: Floats, ids: str, *, int8: bool) -> str:
    if not int8:
        return graph.node("Gather", graph.constant(table), ids)
    rows = quantize_rows(table)
    integers = graph.node("Gather", graph.constant(rows.integers), ids)
    scales = graph.node("Gather", graph.constant(rows.scales[:, None]), ids)
    return graph.node("Mul", graph.node("Cast", integers, to=TensorProto.FLOAT), scales)


class _LayerWriter:
    """Writes one encoder layer."""

    def __init__(self, graph: Graph, layer: Layer, scales: LayerScales | None) -> None:
        self._graph = graph
        self._layer = layer
        self._scales = scales

    def attend(self, hidden: str) -> str:
        """The attention sublayer. Its output bias stays where no head is left."""
        graph, layer = self._graph, self._layer
        if layer.n_heads == 0:
            update = graph.constant(_array(layer.attention_output.bias))
        else:
            context = self._context(hidden)
            update = self._product(context, "context", [layer.attention_output])
        return _norm(graph, graph.node("Add", update, hidden), layer.attention_norm)

    def feed(self, hidden: str) -> str:
        """The feed-forward sublayer."""
        graph, layer = self._graph, self._layer
        if layer.up.out_features == 0:
            update = graph.constant(_array(layer.down.bias))
        else:
            neurons = graph.node("Gelu", self._product(hidden, "feed_input", [layer.up]), domain=CONTRIB)
            update = self._product(neurons, "activation", [layer.down])
        return _norm(graph, graph.node("Add", update, hidden), layer.output_norm)

    def _context(self, hidden: str) -> str:
        layer = self._layer
        together = self._product(hidden, "attention_input", [layer.query, layer.key, layer.value])
        parts = self._graph.nodes("Split", together, n_outputs=3, axis=-1, num_outputs=3)
        return self._graph.node("MultiHeadAttention", *parts, domain=CONTRIB, num_heads=layer.n_heads)

    def _product(self, value: str, site: str, linears: list[nn.Linear]) -> str:
        """Outputs of the linear layers on ``value``, side by side."""
        weight = np.concatenate([_weight(linear) for linear in linears], axis=1)
        bias = np.concatenate([_array(linear.bias) for linear in linears])
        if self._scales is None:
            return _linear(self._graph, value, weight, bias)
        return self._integer_product(value, getattr(self._scales, site), weight, bias)

    def _integer_product(self, value: str, scale: ActivationScale, weight: Floats, bias: Floats) -> str:
        graph = self._graph
        step = graph.constant(np.array(scale.scale, np.float32))
        zero_point = graph.constant(np.array(scale.zero_point, np.uint8))
        integers = graph.node("QuantizeLinear", value, step, zero_point)
        columns = quantize_columns(weight)
        matrix, column_scales = graph.constant(columns.integers), graph.constant(columns.scales)
        # The empty input is the weights' zero point: they are symmetric.
        inputs = (integers, matrix, step, column_scales, zero_point, "", graph.constant(bias))
        return graph.node("MatMulIntegerToFloat", *inputs, domain=CONTRIB)
