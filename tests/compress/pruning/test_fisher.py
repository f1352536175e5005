import numpy as np
import pytest
import torch
from torch import nn

from compress.batches import collate
from compress.errors import DataError
from compress.features import IGNORED
from compress.pruning.fisher import MaskGradients, mask_gradients
from compress.pruning.masks import Masks
from compress.pruning.rearrange import joint_cost, rearrange
from tests.compress.conftest import build_config, build_model


def label_loss(model, window, head_masks):
    batch = collate([window], [0])
    logits = model(batch.input_ids, None, head_masks, None)
    return nn.functional.cross_entropy(logits[0], batch.tag_ids[0], ignore_index=IGNORED).item()


def test_gradients_are_those_of_single_examples(features):
    model = build_model().double()
    windows = sorted(features.windows[:5], key=lambda window: len(window.input_ids))
    found = mask_gradients(model, windows, loss="labels", batch_size=5)
    step = 1e-5
    for index, window in enumerate(windows):
        for head in range(4):
            masks = [torch.ones(4, dtype=torch.float64) for _ in range(2)]
            masks[1][head] += step
            up = label_loss(model, window, masks)
            masks[1][head] -= 2 * step
            slope = (up - label_loss(model, window, masks)) / (2 * step)
            assert found.heads[1][index, head] == pytest.approx(slope, rel=1e-3, abs=1e-6)


def test_shapes_and_importance(features, model):
    found = mask_gradients(model, features.windows, loss="divergence")
    assert [values.shape for values in found.heads] == [(24, 4), (24, 4)]
    assert [values.shape for values in found.neurons] == [(24, 64), (24, 64)]
    assert all((values > 0).all() for values in found.head_importance())
    np.testing.assert_allclose(found.neuron_importance()[0], (found.neurons[0] ** 2).mean(axis=0))


def test_a_neuron_without_effect_has_no_importance(features, model):
    with torch.no_grad():
        model.layers[0].down.weight[:, 7] = 0
    found = mask_gradients(model, features.windows)
    assert found.neuron_importance()[0][7] == 0


def test_layers_already_emptied_are_scored_as_empty(features):
    model = build_model(build_config(heads_per_layer=(0, 4), neurons_per_layer=(64, 0)))
    found = mask_gradients(model, features.windows)
    assert found.heads[0].shape == (24, 0)
    assert found.neurons[1].shape == (24, 0)


def test_scoring_leaves_no_gradient_in_the_model(features, model):
    mask_gradients(model, features.windows[:4])
    assert all(value.grad is None for value in model.parameters())


def test_scoring_on_nothing_is_refused(model):
    with pytest.raises(DataError, match="nothing to score by"):
        mask_gradients(model, [])


def test_of_two_units_that_do_the_same_work_one_stays():
    """Neurons 0 and 1 each look cheap, as removing one leaves the other; together they are dear."""
    config = build_config(heads_per_layer=(4,), neurons_per_layer=(4,))
    shared = np.array([1, -1, 1, 1, -1], np.float32)
    own = np.array([[1, 1, -1, 1, 1], [1, -1, -1, -1, 1]], np.float32) * 1.2
    neurons = np.stack([shared, shared, own[0], own[1]], axis=1)
    gradients = MaskGradients((np.ones((5, 4), np.float32),), (neurons,))
    masks = Masks(config, (np.ones(4, bool),), (np.array([False, False, True, True]),))
    swapped = rearrange(masks, gradients, shrinkage=0.0)
    assert swapped.neurons[0].sum() == 2
    assert swapped.neurons[0][:2].any()
    assert joint_cost(swapped.neurons[0], neurons) < joint_cost(masks.neurons[0], neurons)


@pytest.mark.parametrize("seed", range(5))
def test_rearranging_keeps_counts_and_never_costs_more(seed):
    rng = np.random.default_rng(seed)
    config = build_config(heads_per_layer=(4, 4), neurons_per_layer=(16, 16))
    gradients = MaskGradients(
        tuple(rng.normal(size=(30, 4)).astype(np.float32) for _ in range(2)),
        tuple(rng.normal(size=(30, 16)).astype(np.float32) for _ in range(2)),
    )
    masks = Masks(
        config, tuple(rng.random(4) < 0.5 for _ in range(2)), tuple(rng.random(16) < 0.5 for _ in range(2))
    )
    swapped = rearrange(masks, gradients)
    assert swapped.pruned_config == masks.pruned_config
    for before, after, values in zip(masks.neurons, swapped.neurons, gradients.neurons, strict=True):
        assert joint_cost(after, values, 0.5) <= joint_cost(before, values, 0.5) + 1e-9


def test_weights_can_be_trained_on_after_scoring(features) -> None:
    model = build_model()
    fixed = model.classifier.weight.requires_grad_(False)
    mask_gradients(model, features.windows[:4])
    assert not fixed.requires_grad
    assert all(parameter.requires_grad for parameter in model.parameters() if parameter is not fixed)
