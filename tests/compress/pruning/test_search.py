import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compress.errors import BudgetError
from compress.pruning.budget import (
    affordable_macs,
    attention_macs,
    check_cost,
    head_macs,
    linear_macs,
    neuron_macs,
    share_removed,
)
from compress.pruning.masks import Masks
from compress.pruning.search import search
from tests.compress.conftest import build_config, build_model


def importance(config, seed=0):
    rng = np.random.default_rng(seed)
    return (
        [rng.random(size).astype(np.float32) for size in config.heads_per_layer],
        [rng.random(size).astype(np.float32) for size in config.neurons_per_layer],
    )


def test_linear_macs_are_the_sizes_of_the_weight_matrices():
    model = build_model(build_config(heads_per_layer=(3, 1), neurons_per_layer=(16, 48)))
    matrices = [value for name, value in model.layers.named_parameters() if value.ndim == 2]
    assert linear_macs(model.config) == sum(matrix.numel() for matrix in matrices)


def test_attention_macs_grow_with_length_and_heads():
    config = build_config()
    assert attention_macs(config, 10) == 8 * 2 * 10 * 8
    assert attention_macs(build_config(heads_per_layer=(4, 0)), 10) == attention_macs(config, 10) / 2


@settings(max_examples=60)
@given(st.floats(0, 0.8), st.integers(0, 10), st.sampled_from([1, 5, 16]))
def test_cost_stays_within_the_budget_and_uses_it_up(macs_removed, seed, group):
    config = build_config()
    affordable = affordable_macs(config, macs_removed)
    masks = search(config, *importance(config, seed), affordable=affordable, group=group)
    cost = linear_macs(masks.pruned_config)
    assert cost <= affordable
    assert share_removed(config, masks.pruned_config) >= macs_removed - 1e-12
    # What is left over buys neither a group of neurons nor, where any went, makes up a head.
    assert affordable - cost < max(group * neuron_macs(config), head_macs(config))


def test_the_choice_is_the_best_there_is():
    config = build_config(heads_per_layer=(2, 2), neurons_per_layer=(4, 4), hidden_width=8, head_width=4)
    heads, neurons = importance(config, 3)
    affordable = affordable_macs(config, 0.4)
    masks = search(config, heads, neurons, affordable=affordable, group=1)

    def gain(kept):
        return float(np.concatenate([*heads, *neurons])[np.array(kept, bool)].sum())

    def cost(kept):
        return sum(kept[:4]) * head_macs(config) + sum(kept[4:]) * neuron_macs(config)

    best = max(gain(kept) for kept in itertools.product([0, 1], repeat=12) if cost(kept) <= affordable)
    chosen = np.concatenate([*masks.heads, *masks.neurons])
    assert gain(chosen) == pytest.approx(best, rel=1e-6)


def test_neurons_go_in_groups():
    config = build_config()
    masks = search(config, *importance(config), affordable=affordable_macs(config, 0.3), group=16)
    assert all(count % 16 == 0 for count in masks.pruned_config.neurons_per_layer)


def test_a_budget_smaller_than_all_heads_is_no_licence_to_exceed_it():
    config = build_config()
    heads = [np.full(size, 100, np.float32) for size in config.heads_per_layer]
    _, neurons = importance(config)
    affordable = affordable_macs(config, 0.9)
    masks = search(config, heads, neurons, affordable=affordable)
    assert linear_macs(masks.pruned_config) <= affordable


def test_impossible_budgets_are_refused():
    config = build_config()
    with pytest.raises(BudgetError, match="impossible budget"):
        search(config, *importance(config), affordable=10)
    for share in (1.0, 1.5, -0.1):
        with pytest.raises(BudgetError, match="impossible budget"):
            affordable_macs(config, share)


def test_cost_is_counted_again():
    config = build_config()
    with pytest.raises(BudgetError, match="budget missed"):
        check_cost(Masks.keep_all(config), linear_macs(config) - 1)
