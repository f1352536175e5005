from dataclasses import replace

import numpy as np
import pytest
import torch

from compress.errors import BudgetError
from compress.predict import window_logits
from compress.pruning.budget import share_removed
from compress.pruning.iterate import PruneConfig, prune_to
from compress.pruning.masks import Masks
from compress.pruning.prune import prune
from compress.pruning.reconstruct import reconstruct
from compress.training.train import TrainConfig, train
from tests.compress.conftest import build_model
from tests.compress.pruning.test_masks import some_masks


def distance(model, reference, windows):
    """Mean squared difference of the logits."""
    pairs = zip(window_logits(model, windows), window_logits(reference, windows), strict=True)
    return float(np.mean([((ours - theirs) ** 2).mean() for ours, theirs in pairs]))


def test_reconstruction_brings_the_answers_nearer_to_the_dense_ones(features):
    dense = build_model()
    pruned = prune(dense, some_masks(dense.config, share=0.7))
    before = distance(pruned, dense, features.windows)
    reconstruct(pruned, dense, features.windows)
    assert distance(pruned, dense, features.windows) < before / 2


def test_reconstruction_of_what_lost_nothing_changes_nothing(features):
    dense = build_model()
    same = prune(dense, Masks.keep_all(dense.config))
    reconstruct(same, dense, features.windows)
    assert distance(same, dense, features.windows) < 1e-9


def test_a_redundant_neuron_is_made_up_for_in_full(features):
    """Two equal neurons: with one gone, the other takes over its weights exactly."""
    dense = build_model()
    with torch.no_grad():
        dense.layers[0].up.weight[1] = dense.layers[0].up.weight[0]
        dense.layers[0].up.bias[1] = dense.layers[0].up.bias[0]
    masks = Masks.keep_all(dense.config)
    masks.neurons[0][1] = False
    pruned = prune(dense, masks)
    before = distance(pruned, dense, features.windows)
    reconstruct(pruned, dense, features.windows, ridge=1e-8)
    assert distance(pruned, dense, features.windows) < before / 1000


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("loss", ["labels", "divergence"])
def test_at_least_the_wanted_share_goes(features, steps, loss):
    dense = build_model()
    pruned = prune_to(dense, features, macs_removed=0.4, config=PruneConfig(steps=steps, loss=loss, group=4))
    assert 0.4 <= pruned.macs_removed < 0.45
    assert pruned.macs_removed == share_removed(dense.config, pruned.model.config)
    assert dense.config.heads_per_layer == (4, 4)


def test_pruning_is_reproducible(features):
    config = PruneConfig(steps=2, group=4, scoring_windows=8)
    first, second = (
        prune_to(build_model(), features, macs_removed=0.3, config=config).model for _ in range(2)
    )
    assert first.config == second.config
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def test_each_round_is_told(features):
    told = []
    prune_to(
        build_model(),
        features,
        macs_removed=0.3,
        config=PruneConfig(steps=3, group=4),
        on_step=lambda step, model: told.append((step, sum(model.config.neurons_per_layer))),
    )
    assert [step for step, _ in told] == [1, 2, 3]
    assert told == sorted(told, key=lambda entry: -entry[1])


def test_retraining_brings_the_answers_nearer(features):
    recipe = TrainConfig(epochs=4, batch_size=4, body_rate=3e-3, head_rate=1e-2, bf16=False)
    dense = train(recipe, build_model(), features, None).model
    # So firm a ridge leaves the old weights as they are, and much to make up for.
    config = PruneConfig(steps=1, group=4, ridge=1e9)
    plain = prune_to(dense, features, macs_removed=0.7, config=config)
    tuned = prune_to(
        dense, features, macs_removed=0.7, config=replace(config, finetune_epochs=6, finetune_rate=1e-3)
    )
    assert tuned.macs_removed == plain.macs_removed
    assert distance(tuned.model, dense, features.windows) < distance(plain.model, dense, features.windows)


def test_impossible_share_is_refused(features):
    with pytest.raises(BudgetError):
        prune_to(build_model(), features, macs_removed=1.0)
