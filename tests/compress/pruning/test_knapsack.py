import itertools

import numpy as np
import pytest

from compress.errors import BudgetError
from compress.pruning.knapsack import search_time
from compress.pruning.methods.fisher import compress as compress_by_fisher
from compress.pruning.methods.method import Task, find_method
from compress.pruning.timing import LayerTimes, measure_layers, measure_models
from tests.compress.conftest import build_config, build_model


def some_times(config, seed=0):
    """Rising curves with steps in them, as kernels have."""
    rng = np.random.default_rng(seed)
    heads = np.concatenate([[0.0], np.cumsum(rng.integers(0, 4, max(config.heads_per_layer)))])
    neurons = np.concatenate([[0.0], np.cumsum(rng.integers(0, 2, max(config.neurons_per_layer)))])
    return LayerTimes(heads.astype(float), neurons.astype(float), bare=1.0, outside=2.0)


def kept(values, count):
    return float(np.sort(values)[::-1][:count].sum())


@pytest.mark.parametrize("seed", range(5))
def test_nothing_better_fits_into_the_time(seed):
    """Against every combination of sizes, tried one by one."""
    config = build_config(neurons_per_layer=(12, 12))
    rng = np.random.default_rng(seed)
    heads = [rng.random(4).astype(np.float32) * 5 for _ in range(2)]
    neurons = [rng.random(12).astype(np.float32) for _ in range(2)]
    times = some_times(config, seed)
    # Times are whole numbers; a little room makes up for rounding to steps.
    limit = times.units(config) // 2 + 0.05
    best = max(
        sum(map(kept, heads, sizes[:2])) + sum(map(kept, neurons, sizes[2:]))
        for sizes in itertools.product(range(5), range(5), (0, 4, 8, 12), (0, 4, 8, 12))
        if times.heads[list(sizes[:2])].sum() + times.neurons[list(sizes[2:])].sum() <= limit
    )
    masks = search_time(config, heads, neurons, times, limit=limit, group=4)
    assert times.units(masks.pruned_config) <= limit
    found = sum(values[mask].sum() for values, mask in zip(heads, masks.heads, strict=True))
    found += sum(values[mask].sum() for values, mask in zip(neurons, masks.neurons, strict=True))
    assert found == pytest.approx(best)


def test_no_time_is_refused():
    config = build_config()
    ones = [np.ones(4, np.float32)] * 2, [np.ones(64, np.float32)] * 2
    with pytest.raises(BudgetError, match="impossible budget"):
        search_time(config, *ones, some_times(config), limit=0.0)


def test_measured_curves_start_at_nothing_and_never_fall():
    config = build_config()
    times = measure_layers(config, repeats=3)
    for curve, size in ((times.heads, 4), (times.neurons, 64)):
        assert curve.shape == (size + 1,)
        assert curve[0] == 0
        assert (np.diff(curve) >= 0).all()
    assert times.predict(config) >= times.units(config)


def test_models_are_timed_by_name():
    found = measure_models(
        {"a": build_model(), "b": build_model(build_config(heads_per_layer=(1, 1)))}, repeats=2
    )
    assert set(found) == {"a", "b"}
    assert min(found.values()) > 0


def test_time_as_the_budget_is_kept_and_told(features):
    method = find_method("fisher")
    config = method.configure(steps=2, group=4, scoring_windows=8, reconstruction_windows=24)
    pruned = method.compress(Task(build_model(), features, 0.05, config, time_share=0.6))
    assert pruned.macs_removed >= 0.05
    assert 0 < pruned.timing["predicted_ms"] <= 0.6 * pruned.timing["dense_predicted_ms"] + 0.001
    assert pruned.timing["measured_ms"] > 0


def test_name_that_promises_more_than_the_time_takes_is_refused(features):
    config = find_method("fisher").configure(steps=1, group=4, scoring_windows=8)
    with pytest.raises(BudgetError, match="name it pruned"):
        compress_by_fisher(Task(build_model(), features, 0.9, config, time_share=0.999))


def test_method_that_knows_no_time_says_so(features):
    method = find_method("magnitude")
    with pytest.raises(BudgetError, match="time cannot be the budget"):
        method.compress(Task(build_model(), features, 0.3, method.configure(), time_share=0.5))
