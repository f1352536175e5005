"""Responsible for integer arithmetic as ONNX nodes: products, sums, and I-BERT's polynomials.

Every value carries its scale, so that reals can be read off integers, and how many bits it may take, so that
no intermediate one overflows (Kim et al. 2021, https://arxiv.org/abs/2101.01321).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import TensorProto
from torch import Tensor, nn

from compress.encoder import Layer, TokenClassifier
from compress.graphs.graph import Graph
from compress.graphs.quantize import ActivationScale, pad_rows, quantize_columns, quantize_rows

Float64s = npt.NDArray[np.float64]

SUM_BITS = 22
"""Of the residual stream, as published."""
SHARE_BITS = 8
"""Of attention shares, which are whole numbers of 1/256."""

_GELU_A, _GELU_B = -0.2888, -1.769
_EXP_A, _EXP_B, _EXP_C = 0.3585, 1.353, 0.344
_NORM_BITS = 30
_ROOT_STEPS = 14
_WORD = 31


@dataclass(frozen=True)
class Integers:
    """A value of the graph: ``real = scale * integer``, in int64."""

    name: str
    scale: Float64s
    """One number, or one a column."""
    bits: int
    """Bits that no integer of it exceeds, without the sign."""


class IntegerWriter:
    """Integer arithmetic as ONNX nodes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    # --- numbers -------------------------------------------------------------------------------------
    def number(self, value: int | npt.NDArray[np.int64]) -> str:
        return self.graph.constant(np.asarray(value, np.int64))

    def wide(self, name: str, scale: float | Float64s, bits: int = _WORD) -> Integers:
        """A product's int32 result, with room to go on."""
        return Integers(self._cast(name, TensorProto.INT64), np.asarray(scale, np.float64), bits)

    def _cast(self, name: str, kind: int) -> str:
        return self.graph.node("Cast", name, to=kind)

    def real(self, value: Integers) -> str:
        as_float = self._cast(value.name, TensorProto.FLOAT)
        return self.graph.node("Mul", as_float, self.graph.constant(value.scale.astype(np.float32)))

    def constant(self, values: Tensor, range_: float) -> Integers:
        """A vector, on the scale of a sum of that range."""
        step = range_ / 2 ** (SUM_BITS - 1)
        integers = np.rint(values.detach().double().numpy() / step).astype(np.int64)
        return Integers(self.number(integers), np.asarray(step), SUM_BITS)

    def rescale(self, value: Integers, step: float, bits: int) -> Integers:
        """The same real numbers in steps of ``step``: times an integer, shifted, rounded, clipped."""
        graph = self.graph
        name, ratio, spare = value.name, value.scale / step, value.bits - _WORD
        if spare > 0:
            name, ratio = graph.node("Div", name, self.number(2**spare)), ratio * 2.0**spare
        shift = max(0, min(60 - min(value.bits, _WORD), 30 - math.ceil(math.log2(np.abs(ratio).max()))))
        factor = np.rint(ratio * 2.0**shift).astype(np.int64)
        scaled = graph.node("Mul", name, self.number(factor))
        rounded = self._shift(scaled, shift)
        most = 2**bits - 1
        clipped = graph.node("Clip", rounded, self.number(-most), self.number(most))
        return Integers(clipped, np.asarray(step), bits)

    def _shift(self, name: str, shift: int) -> str:
        """Divided by two to the ``shift``, rounded half away from 0; division alone would round towards 0."""
        if shift == 0:
            return name
        graph = self.graph
        raised = graph.node("Add", graph.node("Abs", name), self.number(2 ** (shift - 1)))
        shifted = graph.node("Div", raised, self.number(2**shift))
        return self._signed_as(name, shifted)

    def _signed_as(self, name: str, magnitude: str) -> str:
        """``magnitude`` with the sign of ``name``; ONNX Runtime's own Sign looks at the low 32 bits only."""
        graph = self.graph
        below = graph.node("Less", name, self.number(0))
        return graph.node("Where", below, graph.node("Neg", magnitude), magnitude)

    # --- layers --------------------------------------------------------------------------------------
    def embed(self, model: TokenClassifier, range_: float, max_tokens: int | None) -> Integers:
        """Word rows are brought from their own scales to the sum's by an integer each; then the norm."""
        graph, tables = self.graph, model.embeddings
        step = range_ / 2 ** (SUM_BITS - 1)
        rows = quantize_rows(pad_rows(tables.word.weight.detach().float().numpy()))
        factors = np.rint(rows.scales.astype(np.float64) / step).astype(np.int64)
        integers = self._cast(
            graph.node("Gather", graph.constant(rows.integers), "input_ids"), TensorProto.INT64
        )
        factor = graph.node("Gather", self.number(factors[:, None]), "input_ids")
        words = graph.node("Mul", integers, factor)
        table = np.rint(tables.position.weight.detach().double().numpy()[:max_tokens] / step)
        one = np.array([1], np.int64)
        length = graph.node("Shape", "input_ids", start=1, end=2)
        positions = graph.node(
            "Slice", self.number(table.astype(np.int64)), self.number(one - 1), length, self.number(one - 1)
        )
        summed = Integers(graph.node("Add", words, positions), np.asarray(step), SUM_BITS + 1)
        return self.norm(summed, tables.norm)

    def product(self, value: Integers, scale: ActivationScale, linear: nn.Linear) -> Integers:
        """A linear layer, its input in 8 bits with the site's scale and zero point."""
        graph = self.graph
        narrow = self.rescale(value, scale.scale, 12)
        moved = graph.node("Add", narrow.name, self.number(scale.zero_point))
        bytes_ = self._cast(graph.node("Clip", moved, self.number(0), self.number(255)), TensorProto.UINT8)
        columns = quantize_columns(linear.weight.detach().float().numpy().T)
        zero = graph.constant(np.asarray(scale.zero_point, np.uint8))
        found = self.wide(
            graph.node("MatMulInteger", bytes_, graph.constant(columns.integers), zero),
            columns.scales.astype(np.float64) * scale.scale,
        )
        bias = np.rint(linear.bias.detach().double().numpy() / found.scale).astype(np.int64)
        # A column of nearly no weight has a scale so small that its bias would need more bits than there are.
        bias = np.clip(bias, -(2**40), 2**40)
        bits = max(_WORD, int(np.abs(bias).max(initial=1)).bit_length()) + 1
        return Integers(graph.node("Add", found.name, self.number(bias)), found.scale, bits)

    def add(self, update: Integers, hidden: Integers, range_: float) -> Integers:
        """The residual sum, on a scale of its own."""
        step = range_ / 2 ** (SUM_BITS - 1)
        parts = (self.rescale(part, step, SUM_BITS).name for part in (update, hidden))
        return Integers(self.graph.node("Add", *parts), np.asarray(step), SUM_BITS + 1)

    def apart(self, value: Integers, layer: Layer, order: list[int]) -> str:
        """Heads as matrices, in int8."""
        graph = self.graph
        shape = graph.constant(np.array([0, 0, layer.n_heads, layer.head_width], np.int64))
        split = graph.node("Reshape", self._cast(value.name, TensorProto.INT8), shape)
        return graph.node("Transpose", split, perm=order)

    def together(self, context: Integers, layer: Layer) -> Integers:
        """Heads side by side again."""
        graph = self.graph
        shape = graph.constant(np.array([0, 0, layer.n_heads * layer.head_width], np.int64))
        joined = graph.node("Reshape", graph.node("Transpose", context.name, perm=[0, 2, 1, 3]), shape)
        return Integers(joined, context.scale, context.bits)

    # --- functions -----------------------------------------------------------------------------------
    def gelu(self, value: Integers) -> Integers:
        """``x / 2 (1 + erf(x / sqrt 2))`` with erf as a parabola that ends at 1 (I-BERT, algorithm 2)."""
        graph = self.graph
        step = value.scale / math.sqrt(2)
        shift = np.floor(_GELU_B / step).astype(np.int64)
        top = np.floor(1 / (_GELU_A * step**2)).astype(np.int64)
        clipped = graph.node("Min", graph.node("Abs", value.name), self.number(-shift))
        root = graph.node("Add", clipped, self.number(shift))
        parabola = graph.node("Add", graph.node("Mul", root, root), self.number(top))
        erf = self._signed_as(value.name, parabola)
        erf_scale = _GELU_A * step**2
        one = np.floor(1 / erf_scale).astype(np.int64)
        # Both factors lose bits where their product would not fit a word of 62.
        lost = max(0, value.bits + int(np.abs(one).max()).bit_length() + 2 - 62)
        raised = graph.node("Add", erf, self.number(one))
        if lost:
            raised = graph.node("Div", raised, self.number(2**lost))
        product = graph.node("Mul", value.name, raised)
        return Integers(product, value.scale * erf_scale * 2.0**lost / 2, 62)

    def softmax(self, scores: Integers) -> str:
        """Shares of the last axis in 256ths, as uint8 (I-BERT, algorithm 3)."""
        graph = self.graph
        step = float(scores.scale)
        below = graph.node(
            "Sub", scores.name, graph.node("ReduceMax", scores.name, self.number(np.array([-1])), keepdims=1)
        )
        ln2 = max(1, math.floor(math.log(2) / step))
        halvings = graph.node("Div", graph.node("Neg", below), self.number(ln2))
        rest = graph.node("Add", below, graph.node("Mul", halvings, self.number(ln2)))
        root = graph.node("Add", rest, self.number(math.floor(_EXP_B / step)))
        parabola = graph.node(
            "Add", graph.node("Mul", root, root), self.number(math.floor(_EXP_C / (_EXP_A * step**2)))
        )
        powers = self.number(2 ** np.arange(31, dtype=np.int64))
        most = graph.node("Min", halvings, self.number(30))
        exponential = graph.node("Div", parabola, graph.node("Gather", powers, most))
        total = graph.node("ReduceSum", exponential, self.number(np.array([-1])), keepdims=1)
        scaled = graph.node("Mul", exponential, self.number(2**SHARE_BITS))
        half = graph.node("Div", total, self.number(2))
        shares = graph.node("Div", graph.node("Add", scaled, half), total)
        most_share = self.number(2**SHARE_BITS - 1)
        return self._cast(graph.node("Min", shares, most_share), TensorProto.UINT8)

    def norm(self, value: Integers, norm: nn.LayerNorm) -> Integers:
        """Mean and spread in integers; weight and bias go into scale and sum (I-BERT, section 3.6)."""
        graph = self.graph
        width = int(norm.normalized_shape[0])
        last = self.number(np.array([-1]))
        mean = graph.node("Div", graph.node("ReduceSum", value.name, last, keepdims=1), self.number(width))
        centred = graph.node("Sub", value.name, mean)
        squares = graph.node("ReduceSum", graph.node("Mul", centred, centred), last, keepdims=1)
        spread = self.root(graph.node("Max", squares, self.number(1)))
        # Published is a factor that is divided first; it keeps too few bits where one column is an outlier.
        unit = graph.node("Div", graph.node("Mul", centred, self.number(2**_NORM_BITS)), spread)
        gamma = norm.weight.detach().double().numpy()
        gamma = np.where(np.abs(gamma) < 1e-6, 1e-6, gamma)
        scale = math.sqrt(width) / 2**_NORM_BITS * gamma
        bias = np.rint(norm.bias.detach().double().numpy() / scale).astype(np.int64)
        bits = max(_NORM_BITS, int(np.abs(bias).max(initial=1)).bit_length()) + 1
        return Integers(graph.node("Add", unit, self.number(bias)), scale, bits)

    def root(self, squares: str) -> str:
        """Integer square root by Newton's steps, from the middle of what a residual sum can give."""
        graph = self.graph
        guess = self.number(2 ** (SUM_BITS - 1))
        for _ in range(_ROOT_STEPS):
            quotient = graph.node("Div", squares, guess)
            guess = graph.node("Div", graph.node("Add", guess, quotient), self.number(2))
        return graph.node("Max", guess, self.number(1))
