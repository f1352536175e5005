"""Integer arithmetic against the functions it stands for, and a whole integer model against its float one."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from compress.graphs.arithmetic import Integers, IntegerWriter
from compress.graphs.graph import Graph
from compress.graphs.integer import emit_integers, measure_scales
from compress.pruning.masks import Masks
from compress.pruning.prune import prune
from tests.compress.conftest import build_model


def compute(write, values, step):
    """What the nodes of ``write(writer, value)`` make of real ``values`` in steps of ``step``."""
    graph = Graph()
    writer = IntegerWriter(graph)
    result = write(writer, Integers("x", np.asarray(step), 31))
    real = graph.node("Cast", result, to=1) if isinstance(result, str) else writer.real(result)
    graph._nodes.append(helper.make_node("Identity", [real], ["y"]))
    model = helper.make_model(
        helper.make_graph(
            graph._nodes,
            "test",
            [helper.make_tensor_value_info("x", TensorProto.INT64, None)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            graph._constants,
        ),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": np.rint(values / step).astype(np.int64)})[0]


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(4, 64)) * 3


@pytest.mark.parametrize("step", [1e-6, 4e-5, 1e-3])
def test_gelu_is_off_by_no_more_than_published(values, step):
    """0.018: the greatest distance of the published polynomial."""
    found = compute(lambda writer, value: writer.gelu(value), values, step)
    expected = torch.nn.functional.gelu(torch.from_numpy(values)).numpy()
    assert np.abs(found - expected).max() < 0.0185


@pytest.mark.parametrize("step", [1e-5, 1.4e-3, 1e-2])
def test_softmax_is_within_a_256th_and_the_polynomial(values, step):
    found = compute(lambda writer, value: writer.softmax(value), values, step) / 256
    expected = torch.softmax(torch.from_numpy(values), dim=-1).numpy()
    assert np.abs(found - expected).max() < 1 / 256 + 0.004


def test_norm_survives_an_outlier(values):
    values[:, 5] = 200
    norm = torch.nn.LayerNorm(64).double()
    with torch.no_grad():
        norm.weight.normal_(1, 0.3)
        norm.bias.normal_(0, 0.3)
        expected = norm(torch.from_numpy(values)).numpy()
    found = compute(lambda writer, value: writer.norm(value, norm), values, 1e-4)
    np.testing.assert_allclose(found, expected, atol=1e-3)


@pytest.mark.parametrize("step", [1e-3, 0.02])
def test_rescaling_rounds_to_the_nearest_and_keeps_signs(values, step):
    """Signs beyond 32 bits too: products of an integer and its factor have more."""
    found = compute(lambda writer, value: writer.rescale(value, step, 22), values, 1e-6)
    np.testing.assert_allclose(found, values, atol=0.51 * step)


def ids(length=9):
    return torch.randint(5, 60, (3, length), generator=torch.Generator().manual_seed(2))


def run(model, scales, inputs):
    session = onnxruntime.InferenceSession(emit_integers(model, scales).SerializeToString())
    return session.run(None, {"input_ids": inputs.numpy()})[0]


@pytest.mark.parametrize("drop", [False, True])
def test_integer_model_answers_nearly_as_the_float_one(drop):
    model = build_model()
    if drop:
        masks = Masks.keep_all(model.config)
        masks.heads[0][:] = False
        masks.neurons[1][:] = False
        model = prune(model, masks)
    scales = measure_scales(model, [ids(), ids(12)])
    found = run(model, scales, ids())
    with torch.no_grad():
        expected = model(ids()).numpy()
    assert np.abs(found - expected).max() < 0.1 * np.ptp(expected)
    assert (found.argmax(axis=-1) == expected.argmax(axis=-1)).mean() > 0.9


def test_nothing_between_ids_and_logits_is_a_float():
    model = build_model()
    graph = emit_integers(model, measure_scales(model, [ids()])).graph
    inferred = onnx.shape_inference.infer_shapes(helper.make_model(graph)).graph.value_info
    floats = {value.name for value in inferred if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    floats |= {value.name for value in graph.initializer if value.data_type == TensorProto.FLOAT}
    last = [node for node in graph.node if set(node.input) & floats or set(node.output) & floats]
    assert [node.op_type for node in last] == ["Cast", "Mul", "Identity"]
    assert len(inferred) > 100


def test_answers_do_not_depend_on_batch_mates():
    model = build_model()
    scales = measure_scales(model, [ids()])
    np.testing.assert_array_equal(run(model, scales, ids())[:1], run(model, scales, ids()[:1]))
