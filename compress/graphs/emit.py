"""Responsible for writing a token classifier as an ONNX graph, straight from its weights.

No exporter and no graph optimiser stand in between: the graph has the form that measured fastest on CPU
(``docs/performance.md``), each layer has its own number of heads and neurons, and there is no attention mask,
because batches hold no padding. Integer products are ``MatMulIntegerToFloat`` on activations quantised
with fixed scales.

Inside, positions come first and sentences second, ``(seq, batch, width)``: then the heads of all
sentences are one strided batch of matrices, and scores and contexts are computed where queries, keys
and values lie. Only the contexts are moved, and those as bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto
from torch import Tensor, nn

from compress.encoder import Embeddings, Layer, TokenClassifier
from compress.graphs.calibrate import LayerScales
from compress.graphs.graph import CONTRIB, Graph
from compress.graphs.quantize import ActivationScale, pad_rows, quantize_columns, quantize_rows

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
    by_sentence = graph.node("Transpose", logits, perm=[1, 0, 2])
    return graph.finish(logits=by_sentence, n_tags=len(model.config.labels))


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
    by_position = graph.node("Transpose", "input_ids", perm=[1, 0])
    words = _look_up(graph, pad_rows(_array(embeddings.word.weight)), by_position, int8=int8)
    length = graph.node("Shape", "input_ids", start=1, end=2)
    zero, axis = graph.constant(one - 1), graph.constant(one - 1)
    table = graph.constant(_array(embeddings.position.weight)[:max_tokens, None])
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
            update = self._product(self._context(hidden), "context", layer.attention_output)
        return _norm(graph, graph.node("Add", update, hidden), layer.attention_norm)

    def feed(self, hidden: str) -> str:
        """The feed-forward sublayer."""
        graph, layer = self._graph, self._layer
        if layer.up.out_features == 0:
            update = graph.constant(_array(layer.down.bias))
        else:
            feed_input = self._operand(hidden, "feed_input")
            neurons = graph.node("Gelu", self._product(feed_input, "feed_input", layer.up), domain=CONTRIB)
            update = self._product(self._operand(neurons, "activation"), "activation", layer.down)
        return _norm(graph, graph.node("Add", update, hidden), layer.output_norm)

    def _context(self, hidden: str) -> str:
        """What the heads make of ``hidden``, side by side, as the operand of a product."""
        graph, layer = self._graph, self._layer
        shared = self._operand(hidden, "attention_input")
        # One head of one sentence is one matrix of the batch: (seq, batch * heads, head_width).
        apart = graph.constant(np.array([0, -1, layer.head_width], np.int64))
        query, key, value = (
            graph.node("Reshape", self._product(shared, "attention_input", linear), apart)
            for linear in (layer.query, layer.key, layer.value)
        )
        strides: dict[str, Any] = {"transBatchA": 1, "transBatchB": 1, "transB": 1}
        scale = layer.head_width**-0.5
        scores = graph.node("FusedMatMul", query, key, domain=CONTRIB, alpha=scale, **strides)
        shares = graph.node("Softmax", scores, axis=-1)
        mixed = graph.node("FusedMatMul", shares, value, domain=CONTRIB, transBatchB=1)
        contexts = self._operand(mixed, "context")
        joined = graph.constant(np.array([0, -1, layer.n_heads * layer.head_width], np.int64))
        return graph.node("Reshape", graph.node("Transpose", contexts, perm=[1, 0, 2]), joined)

    def _operand(self, value: str, site: str) -> str:
        """A value as products take it: quantised with its site's scale, or as it is in fp32."""
        if self._scales is None:
            return value
        return self._graph.node("QuantizeLinear", value, *self._step_and_zero(site))

    def _product(self, operand: str, site: str, linear: nn.Linear) -> str:
        """Output of a linear layer in float."""
        weight, bias = _weight(linear), _array(linear.bias)
        if self._scales is None:
            return _linear(self._graph, operand, weight, bias)
        graph = self._graph
        step, zero_point = self._step_and_zero(site)
        columns = quantize_columns(weight)
        matrix, column_scales = graph.constant(columns.integers), graph.constant(columns.scales)
        # The empty input is the weights' zero point: they are symmetric.
        inputs = (operand, matrix, step, column_scales, zero_point, "", graph.constant(bias))
        return graph.node("MatMulIntegerToFloat", *inputs, domain=CONTRIB)

    def _step_and_zero(self, site: str) -> tuple[str, str]:
        scale: ActivationScale = getattr(self._scales, site)
        step = self._graph.constant(np.array(scale.scale, np.float32))
        return step, self._graph.constant(np.array(scale.zero_point, np.uint8))
