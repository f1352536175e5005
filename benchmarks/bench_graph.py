"""What the form of the graph is worth: the emitted graph against forms it could have had.

    python benchmarks/bench_graph.py [--bundle BUNDLE] [--rounds 15]

The bundle's own graph is rewritten: with ONNX Runtime's fused SkipLayerNormalization in place of Add and
LayerNormalization, and with activation scales taken from each batch in place of fixed ones. One thread,
512 tokens a call, random token ids; contestants alternate within every round, medians are reported.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import onnx
import onnxruntime
from onnx import helper

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
    measured = {
        node.output[0]: (f"{node.output[0]}_scale", f"{node.output[0]}_zero")
        for node in model.graph.node
        if node.op_type == "QuantizeLinear"
    }
    nodes = []
    for node in model.graph.node:
        if node.output[0] in measured:
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
    }
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
