"""Responsible for putting an ONNX graph together node by node, with names that cannot clash."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

ONNX_OPSET = 20
IR_VERSION = 10
"""What ONNX Runtime 1.25, the floor, reads."""
CONTRIB = "com.microsoft"
"""Domain of ONNX Runtime's own operators."""


class Graph:
    """A graph under construction. Methods return the name of the value they make."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: npt.NDArray[Any]) -> str:
        """A weight or parameter, stored in the model file."""
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """One value computed by ``operator``; an empty input is one left out."""
        return self.nodes(operator, *inputs, n_outputs=1, domain=domain, **attributes)[0]

    def nodes(
        self, operator: str, *inputs: str, n_outputs: int, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Several values computed by one ``operator``."""
        number = len(self._nodes)
        outputs = [f"{operator}{number}_{index}" for index in range(n_outputs)]
        name = f"{operator}{number}"
        self._nodes.append(
            helper.make_node(operator, list(inputs), outputs, name=name, domain=domain, **attributes)
        )
        return outputs

    def finish(self, *, logits: str, n_tags: int) -> onnx.ModelProto:
        """The model ``input_ids (batch, seq) int64`` to ``logits (batch, seq, n_tags) float32``, checked."""
        self._nodes.append(helper.make_node("Identity", [logits], ["logits"], name="logits"))
        graph = helper.make_graph(
            self._nodes,
            "token_classifier",
            [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "seq"])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "seq", n_tags])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", ONNX_OPSET), helper.make_opsetid(CONTRIB, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model
