"""The emitted graph computes what the torch module computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from compress.encoder import EncoderConfig, TokenClassifier
from compress.graphs.calibrate import calibrate
from compress.graphs.emit import emit

UNEVEN = EncoderConfig(
    vocab_size=300,
    hidden_width=64,
    head_width=16,
    heads_per_layer=(4, 0, 1),
    neurons_per_layer=(128, 96, 0),
    max_positions=64,
    position_offset=0,
    layer_norm_eps=1e-12,
    dropout=0.1,
    labels=("O", "B-OS", "I-OS"),
)


@pytest.fixture(scope="module")
def model() -> TokenClassifier:
    torch.manual_seed(0)
    return TokenClassifier(UNEVEN).eval()


@pytest.fixture(scope="module")
def input_ids() -> torch.Tensor:
    return torch.randint(0, 300, (6, 23), generator=torch.Generator().manual_seed(1))


def run(graph: onnx.ModelProto, input_ids: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"input_ids": input_ids.numpy()})[0]


@torch.no_grad()
def test_fp32_graph_equals_the_module(model: TokenClassifier, input_ids: torch.Tensor) -> None:
    np.testing.assert_allclose(run(emit(model), input_ids), model(input_ids).numpy(), atol=1e-5)


def test_word_table_is_filled_up_so_that_what_follows_is_aligned(
    model: TokenClassifier, input_ids: torch.Tensor
) -> None:
    for graph in (emit(model), emit(model, calibrate(model, [input_ids]))):
        lookups = [node for node in graph.graph.node if node.op_type == "Gather"]
        tables = {constant.name: constant.dims[0] for constant in graph.graph.initializer}
        assert {tables[node.input[0]] for node in lookups} == {304}


@torch.no_grad()
def test_int8_graph_stays_within_two_per_cent_of_the_range(
    model: TokenClassifier, input_ids: torch.Tensor
) -> None:
    graph = emit(model, calibrate(model, [input_ids]))
    dense = model(input_ids).numpy()
    assert np.abs(run(graph, input_ids) - dense).max() < 0.02 * np.ptp(dense)


@torch.no_grad()
def test_int8_answer_is_the_same_bits_alone_and_in_a_batch(
    model: TokenClassifier, input_ids: torch.Tensor
) -> None:
    graph = emit(model, calibrate(model, [input_ids]))
    together = run(graph, input_ids)
    alone = np.concatenate([run(graph, row[None]) for row in input_ids])
    np.testing.assert_array_equal(together, alone)


def test_int8_graph_multiplies_integers_in_every_encoder_product(
    model: TokenClassifier, input_ids: torch.Tensor
) -> None:
    operators = [node.op_type for node in emit(model, calibrate(model, [input_ids])).graph.node]
    # Two layers have heads (four products each), two have neurons (two each); the classifier stays in float.
    assert operators.count("MatMulIntegerToFloat") == 2 * 4 + 2 * 2
    assert operators.count("MatMul") == 1
    assert operators.count("FusedMatMul") == 2 * 2


def test_int8_graph_moves_nothing_but_ids_bytes_and_logits(
    model: TokenClassifier, input_ids: torch.Tensor
) -> None:
    graph = emit(model, calibrate(model, [input_ids]))
    made_by = {node.output[0]: node.op_type for node in graph.graph.node}
    moved = [node.input[0] for node in graph.graph.node if node.op_type == "Transpose"]
    assert moved[0] == "input_ids"
    assert [made_by[value] for value in moved[1:]] == ["QuantizeLinear"] * 2 + ["Add"]


def test_int8_file_is_about_a_quarter(
    model: TokenClassifier, input_ids: torch.Tensor, tmp_path: Path
) -> None:
    dense = len(emit(model).SerializeToString())
    int8 = len(emit(model, calibrate(model, [input_ids])).SerializeToString())
    assert 0.2 < int8 / dense < 0.45
