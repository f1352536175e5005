"""What the form of the graph is worth: the emitted graph against forms it could have had.

    python benchmarks/bench_graph.py [--bundle BUNDLE] [--rounds 15]

The bundle's own graph is rewritten: with ONNX Runtime's fused SkipLayerNormalization in place of Add and
LayerNormalization; with activation scales taken from each batch in place of fixed ones; with another
GELU; and, where it has MultiHeadAttention, with attention on strided matrices, the form now emitted. One
thread, 512 tokens a call, random token ids; contestants alternate within every round, medians are reported.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from extract.bundle import open_bundle
from extract.registry import find_bundle
from extract.session import session_options

CONTRIB = "com.microsoft"
SHAPE = (8, 64)


def with_skip_layer_norm(model: onnx.ModelProto) -> onnx.ModelProto:
    """Every Add that feeds a LayerNormalization is fused with it."""
    adds = {node.output[0]: node for node in model.graph.node if node.op_type == "Add"}
    embedded = next(node for node in model.graph.node if node.op_type == "LayerNormalization")
    fused, dropped = {}, set()
    for node in model.graph.node:
        if node.op_type == "LayerNormalization" and node is not embedded and node.input[0] in adds:
            add = adds[node.input[0]]
            dropped.add(add.output[0])
            inputs = [*add.input, *node.input[1:]]
            epsilon = next(attribute.f for attribute in node.attribute if attribute.name == "epsilon")
            fused[node.output[0]] = helper.make_node(
                "SkipLayerNormalization", inputs, node.output, domain=CONTRIB, epsilon=epsilon
            )
    nodes = [fused.get(n.output[0], n) for n in model.graph.node if n.output[0] not in dropped]
    return _with_nodes(model, nodes)


def with_dynamic_scales(model: onnx.ModelProto) -> onnx.ModelProto:
    """Activation scales are measured on every batch, as ONNX Runtime's dynamic quantisation does."""
    measured: dict[str, tuple[str, str]] = {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            measured[node.output[0]] = (f"{node.output[0]}_scale", f"{node.output[0]}_zero")
        elif node.op_type in ("Transpose", "Reshape") and node.input[0] in measured:
            measured[node.output[0]] = measured[node.input[0]]
    nodes = []
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            nodes.append(
                helper.make_node(
                    "DynamicQuantizeLinear", node.input[:1], [node.output[0], *measured[node.output[0]]]
                )
            )
        elif node.op_type == "MatMulIntegerToFloat":
            scale, zero = measured[node.input[0]]
            inputs = [*node.input[:2], scale, node.input[3], zero, *node.input[5:]]
            nodes.append(helper.make_node(node.op_type, inputs, node.output, domain=CONTRIB))
        else:
            nodes.append(node)
    return _with_nodes(model, nodes)


def with_gelu(model: onnx.ModelProto, operator: str) -> onnx.ModelProto:
    """Another function of the same kind in GELU's place; what it answers is another matter."""
    nodes = [
        helper.make_node(operator, node.input, node.output, domain="" if operator == "Relu" else CONTRIB)
        if node.op_type == "Gelu"
        else node
        for node in model.graph.node
    ]
    return _with_nodes(model, nodes)


def with_strided_attention(model: onnx.ModelProto, head_width: int) -> onnx.ModelProto:
    """Positions before sentences, three products for one and Split, FusedMatMul for MultiHeadAttention."""
    return _StridedAttention(model, head_width).rewrite()


class _StridedAttention:
    """Turns a graph of the older form into one of the form that is emitted now."""

    def __init__(self, model: onnx.ModelProto, head_width: int) -> None:
        self._model = model
        self._head_width = head_width
        self._weights = {value.name: numpy_helper.to_array(value) for value in model.graph.initializer}
        self._parted = {node.input[0]: node.output for node in model.graph.node if node.op_type == "Split"}
        self._mixed: dict[str, int] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._apart = self._constant(np.array([0, -1, head_width], np.int64))

    def rewrite(self) -> onnx.ModelProto:
        self._add("Transpose", ["input_ids"], "by_position", perm=[1, 0])
        for node in self._model.graph.node:
            self._write(node, node.output[0])
        changed = _with_nodes(self._model, self._nodes)
        used = {name for node in self._nodes for name in node.input}
        kept = [value for value in [*self._model.graph.initializer, *self._constants] if value.name in used]
        del changed.graph.initializer[:]
        changed.graph.initializer.extend(kept)
        return changed

    def _constant(self, value: np.ndarray) -> str:
        name = f"new{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _add(
        self, operator: str, inputs: Sequence[str], output: str, domain: str = "", **attributes: Any
    ) -> None:
        self._nodes.append(helper.make_node(operator, inputs, [output], domain=domain, **attributes))

    def _write(self, node: onnx.NodeProto, output: str) -> None:
        if output in self._parted:
            self._part(node, self._parted[output])
        elif node.op_type == "MultiHeadAttention":
            self._attend(node, output)
        elif node.op_type == "QuantizeLinear" and node.input[0] in self._mixed:
            joined = self._constant(np.array([0, -1, self._mixed[node.input[0]]], np.int64))
            self._add("QuantizeLinear", node.input, f"{output}_apart")
            self._add("Transpose", [f"{output}_apart"], f"{output}_moved", perm=[1, 0, 2])
            self._add("Reshape", [f"{output}_moved", joined], output)
        elif node.op_type == "Gather":
            self._add("Gather", [node.input[0], "by_position"], output)
        elif node.op_type == "Slice":
            self._add("Slice", node.input, f"{output}_flat")
            axis = self._constant(np.array([1], np.int64))
            self._add("Unsqueeze", [f"{output}_flat", axis], output)
        elif output == "logits":
            self._add("Transpose", node.input, output, perm=[1, 0, 2])
        elif node.op_type != "Split":
            self._nodes.append(node)

    def _part(self, node: onnx.NodeProto, parts: Sequence[str]) -> None:
        a, b, step, scales, zero, _, bias = node.input
        width = self._weights[b].shape[1] // len(parts)
        for number, part in enumerate(parts):
            columns = slice(number * width, (number + 1) * width)
            own = [self._constant(self._weights[name][..., columns]) for name in (b, scales, bias)]
            self._add(node.op_type, [a, own[0], step, own[1], zero, "", own[2]], part, CONTRIB)

    def _attend(self, node: onnx.NodeProto, output: str) -> None:
        heads = next(attribute.i for attribute in node.attribute if attribute.name == "num_heads")
        self._mixed[output] = heads * self._head_width
        for name in node.input[:3]:
            self._add("Reshape", [name, self._apart], f"{name}_heads")
        query, key, value = (f"{name}_heads" for name in node.input[:3])
        strides = {"transBatchA": 1, "transBatchB": 1, "transB": 1, "alpha": self._head_width**-0.5}
        self._add("FusedMatMul", [query, key], f"{output}_scores", CONTRIB, **strides)
        self._add("Softmax", [f"{output}_scores"], f"{output}_shares", axis=-1)
        self._add("FusedMatMul", [f"{output}_shares", value], output, CONTRIB, transBatchB=1)


def _with_nodes(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> onnx.ModelProto:
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    del changed.graph.node[:]
    changed.graph.node.extend(nodes)
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", default="pruned25-int8")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()

    bundle = open_bundle(find_bundle(options.bundle))
    emitted = onnx.load(bundle.model_path)
    forms = {
        "as emitted": emitted,
        "SkipLayerNormalization": with_skip_layer_norm(emitted),
        "scales of each batch": with_dynamic_scales(emitted),
        "FastGelu (tanh)": with_gelu(emitted, "FastGelu"),
        "ReLU, what any cheaper GELU is bounded by": with_gelu(emitted, "Relu"),
    }
    if any(node.op_type == "MultiHeadAttention" for node in emitted.graph.node):
        forms["attention on strided matrices"] = with_strided_attention(emitted, bundle.shape.head_width)
    sessions = {
        name: onnxruntime.InferenceSession(
            form.SerializeToString(), session_options(saturates=False), providers=["CPUExecutionProvider"]
        )
        for name, form in forms.items()
    }
    input_ids = np.random.default_rng(0).integers(0, bundle.shape.vocab_size, SHAPE)
    seconds: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(options.rounds):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run(["logits"], {"input_ids": input_ids})
            seconds[name].append(time.perf_counter() - start)
    print(f"{bundle.name}, {SHAPE[0]} sentences of {SHAPE[1]} tokens a call, one thread\n")
    print("| graph | tokens/s, median | of as emitted |\n|---|---|---|")
    first = statistics.median(seconds["as emitted"])
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"| {name} | {input_ids.size / median:,.0f} | {first / median:.2f} |")


if __name__ == "__main__":
    main()
