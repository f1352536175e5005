import numpy as np
import pytest
import torch

from compress.pruning.masks import Masks
from compress.pruning.prune import prune
from compress.pruning.tuning import tune
from tests.compress.conftest import build_model
from tests.compress.pruning.test_iterate import distance
from tests.compress.pruning.test_masks import some_masks


def test_tuning_brings_the_answers_nearer_to_the_dense_ones(features):
    dense = build_model()
    pruned = prune(dense, some_masks(dense.config, share=0.7))
    before = distance(pruned, dense, features.windows)
    tune(pruned, dense, features.windows)
    assert distance(pruned, dense, features.windows) < before


def test_tuning_of_what_lost_nothing_changes_nothing(features):
    dense = build_model()
    same = prune(dense, Masks.keep_all(dense.config))
    tune(same, dense, features.windows)
    assert distance(same, dense, features.windows) < 1e-9


@pytest.mark.parametrize(("place", "width"), [("attention_output", 8), ("down", 1)])
def test_a_unit_that_was_scaled_is_scaled_back(features, place, width):
    """The least-squares number of a unit whose output was divided by two is two, where nothing damps it."""
    dense = build_model()
    pruned = prune(dense, Masks.keep_all(dense.config))
    with torch.no_grad():
        getattr(pruned.layers[0], place).weight[:, :width] /= 2
    tune(pruned, dense, features.windows, damping=1e-6)
    for ours, theirs in zip(pruned.layers, dense.layers, strict=True):
        np.testing.assert_allclose(
            getattr(ours, place).weight.detach(), getattr(theirs, place).weight.detach(), atol=2e-3
        )


def test_a_wild_number_leaves_its_sublayer_alone_and_the_ones_above_tuned(features):
    dense = build_model()
    pruned = prune(dense, Masks.keep_all(dense.config))
    with torch.no_grad():
        pruned.layers[0].attention_output.weight[:, :8] /= 1000
        pruned.layers[1].down.weight[:, 0] /= 2
    left = pruned.layers[0].attention_output.weight.detach().clone()
    above = pruned.layers[1].down.weight.detach().clone()
    tune(pruned, dense, features.windows, damping=1e-9)
    assert torch.equal(pruned.layers[0].attention_output.weight, left)
    assert not torch.equal(pruned.layers[1].down.weight, above)
