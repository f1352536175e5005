import numpy as np
import pytest
import torch

from compress.errors import CompressError
from compress.pruning.masks import Masks
from compress.pruning.prune import prune
from tests.compress.conftest import build_config, build_model


def some_masks(config, seed=0, share=0.5):
    """Random masks that keep about ``share`` of everything."""
    rng = np.random.default_rng(seed)
    heads = tuple(rng.random(size) < share for size in config.heads_per_layer)
    return Masks(config, heads, tuple(rng.random(size) < share for size in config.neurons_per_layer))


def ids(model, length=9):
    return torch.randint(5, model.config.vocab_size, (3, length), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("seed", range(4))
def test_pruned_model_answers_as_the_masked_one(seed):
    model = build_model(seed=seed)
    masks = some_masks(model.config, seed)
    pruned = prune(model, masks)
    with torch.no_grad():
        masked = model(ids(model), None, masks.head_tensors(), masks.neuron_tensors())
        torch.testing.assert_close(pruned(ids(model)), masked, atol=1e-5, rtol=0)


def test_a_layer_without_heads_or_neurons_still_adds_its_biases():
    model = build_model()
    masks = Masks.keep_all(model.config)
    masks.heads[0][:] = False
    masks.neurons[1][:] = False
    pruned = prune(model, masks)
    assert (pruned.config.heads_per_layer, pruned.config.neurons_per_layer) == ((0, 4), (64, 0))
    with torch.no_grad():
        masked = model(ids(model), None, masks.head_tensors(), masks.neuron_tensors())
        torch.testing.assert_close(pruned(ids(model)), masked, atol=1e-5, rtol=0)


def test_removed_units_leave_the_tensors():
    model = build_model()
    masks = some_masks(model.config)
    pruned = prune(model, masks)
    for index, layer in enumerate(pruned.layers):
        assert layer.query.weight.shape == (8 * masks.heads[index].sum(), 32)
        assert layer.down.weight.shape == (32, masks.neurons[index].sum())
    assert pruned.config == masks.pruned_config
    assert sum(p.numel() for p in pruned.parameters()) < sum(p.numel() for p in model.parameters())


def test_keeping_all_changes_nothing():
    model = build_model()
    assert torch.equal(prune(model, Masks.keep_all(model.config))(ids(model)), model(ids(model)))


def test_pruning_twice_equals_pruning_once():
    model = build_model()
    first = some_masks(model.config)
    once = prune(model, first)
    second = some_masks(once.config, seed=1)
    joint = Masks(
        model.config,
        tuple(expand(a, b) for a, b in zip(first.heads, second.heads, strict=True)),
        tuple(expand(a, b) for a, b in zip(first.neurons, second.neurons, strict=True)),
    )
    expected = prune(model, joint)(ids(model))
    torch.testing.assert_close(prune(once, second)(ids(model)), expected, atol=1e-5, rtol=0)


def expand(outer, inner):
    joint = outer.copy()
    joint[outer] = inner
    return joint


def test_masks_of_wrong_shape_or_type_are_refused():
    config = build_config()
    good = Masks.keep_all(config)
    with pytest.raises(CompressError, match="masks of heads"):
        Masks(config, good.heads[:1], good.neurons)
    with pytest.raises(CompressError, match="masks of neurons"):
        Masks(config, good.heads, tuple(array.astype(int) for array in good.neurons))


def test_masks_of_another_model_are_refused():
    other = build_config(neurons_per_layer=(64, 32))
    with pytest.raises(CompressError, match="another model"):
        prune(build_model(), Masks.keep_all(other))
