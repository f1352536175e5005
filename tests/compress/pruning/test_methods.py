import copy

import numpy as np
import pytest
import torch

from compress.errors import BudgetError, CompressError, DataError
from compress.features import encode_sentences
from compress.predict import window_logits
from compress.pruning.budget import share_removed
from compress.pruning.methods.chance import choose_by_lot
from compress.pruning.methods.gmp import Ramp, ramp_share
from compress.pruning.methods.layers import without_layer
from compress.pruning.methods.loss_increase import Yardstick, choose_by_loss
from compress.pruning.methods.method import METHODS, Task, find_method
from compress.pruning.methods.zeros import product_weights, share_of_zeros
from compress.pruning.sparsity import stored_sizes
from extract.annotations import AnnotatedSentence
from jobs.cli.build import METHOD_NAMES
from tests.compress.conftest import TAGS, build_model

STRUCTURED = [name for name, method in METHODS.items() if method.structured]
UNSTRUCTURED = [name for name, method in METHODS.items() if not method.structured]


def quick(name, features, share, **given):
    """The named method on the small model, with few windows and a single epoch where it trains."""
    method = find_method(name)
    given.setdefault("finetune_epochs", min(1, method.defaults.get("finetune_epochs", 0)))
    config = method.configure(scoring_windows=12, reconstruction_windows=24, **{"group": 4, **given})
    return method.compress(Task(build_model(), features, share, config))


def test_command_line_offers_every_method():
    assert tuple(METHODS) == METHOD_NAMES


def test_unknown_method_is_refused_by_name():
    with pytest.raises(CompressError, match="unknown method: got 'fischer'"):
        find_method("fischer")


@pytest.mark.parametrize("name", STRUCTURED)
def test_structured_method_takes_the_share_out_of_the_tensors(features, name):
    dense = build_model()
    pruned = quick(name, features, 0.3)
    assert pruned.macs_removed == share_removed(dense.config, pruned.model.config) >= 0.3
    n_dense = sum(weight.numel() for weight in product_weights(dense))
    assert sum(weight.numel() for weight in product_weights(pruned.model)) <= 0.7 * n_dense
    assert pruned.weights_zeroed == 0


@pytest.mark.parametrize("name", UNSTRUCTURED)
def test_unstructured_method_writes_zeros_and_says_so(features, name):
    dense = build_model()
    pruned = quick(name, features, 0.6)
    assert pruned.model.config == dense.config
    assert pruned.macs_removed == 0
    assert pruned.weights_zeroed == share_of_zeros(pruned.model) == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize("name", METHODS)
def test_method_leaves_the_dense_model_as_it_was(features, name):
    method = find_method(name)
    config = method.configure(
        scoring_windows=8, finetune_epochs=min(1, method.defaults.get("finetune_epochs", 0)), group=4
    )
    model = build_model()
    before = copy.deepcopy(model.state_dict())
    method.compress(Task(model, features, 0.3, config))
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


@pytest.mark.parametrize("name", METHODS)
def test_method_is_reproducible(features, name):
    first, second = (quick(name, features, 0.4).model for _ in range(2))
    assert first.config == second.config
    for key, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[key]), key


@pytest.mark.parametrize("name", ["magnitude", "magnitude-l1"])
def test_magnitude_takes_the_units_of_little_weight(features, name):
    model = build_model()
    light_neurons, light_head = [3, 10, 17, 40], 2
    with torch.no_grad():
        model.layers[1].up.weight[light_neurons] *= 1e-3
        model.layers[1].down.weight[:, light_neurons] *= 1e-3
        for linear in (model.layers[0].query, model.layers[0].key, model.layers[0].value):
            linear.weight[16:24] *= 1e-3
        model.layers[0].attention_output.weight[:, 16:24] *= 1e-3
    # One head and four neurons: 1024 + 256 of 16,384 MACs.
    method = find_method(name)
    pruned = method.compress(Task(model, features, 0.078, method.configure(group=4))).model
    assert pruned.config.heads_per_layer == (3, 4)
    assert pruned.config.neurons_per_layer == (64, 60)
    kept = [neuron for neuron in range(64) if neuron not in light_neurons]
    assert torch.equal(pruned.layers[1].up.weight, model.layers[1].up.weight[kept])
    kept_rows = [row for row in range(32) if row // 8 != light_head]
    assert torch.equal(pruned.layers[0].query.weight, model.layers[0].query.weight[kept_rows])


def test_loss_increase_keeps_what_the_loss_needs(features):
    """A head and neurons whose output is 0 cost no loss, and are the first to go."""
    model = build_model()
    with torch.no_grad():
        model.layers[1].attention_output.weight[:, 8:16] = 0
        model.layers[0].up.weight[5:9] *= 1e-4
        model.layers[0].down.weight[:, 5:9] = 0
    config = find_method("loss-increase").configure(group=4)
    masks = choose_by_loss(model, features.windows, 16_384 - 1024 - 256, config, 0)
    yard = Yardstick(model, features.windows)
    assert yard.loss(masks.head_tensors(), masks.neuron_tensors()) <= yard.dense + 1e-6


def test_loss_increase_without_tags_is_refused(features, tokenizer):
    nothing = encode_sentences([AnnotatedSentence("S", "D", "", ())], tokenizer, TAGS)
    with pytest.raises(DataError, match="no tagged token"):
        Yardstick(build_model(), nothing.windows)


def test_lots_differ_by_seed_and_treat_layers_alike(features):
    model = build_model()
    config = find_method("random").configure(group=4)
    first, second = (choose_by_lot(model, (), 10_000, config, seed) for seed in (1, 2))
    assert first.pruned_config == second.pruned_config
    assert len(set(first.pruned_config.neurons_per_layer)) == 1
    assert any((a != b).any() for a, b in zip(first.neurons, second.neurons, strict=True))


def test_smallest_weights_go_first(features):
    dense, pruned = build_model(), quick("l1", features, 0.5).model
    for before, after in zip(product_weights(dense), product_weights(pruned), strict=True):
        gone = (after == 0) & (before != 0)
        assert before[gone].abs().max() <= before[~gone].abs().min()
        assert torch.equal(after[~gone], before[~gone])


def test_zeros_are_no_faster_format_but_smaller_ones_are_counted_right(features):
    model = quick("l1", features, 0.9).model
    sizes = stored_sizes(model, int8=False)
    n_weights = sum(weight.numel() for weight in product_weights(model))
    n_values = sum(int((weight != 0).sum()) for weight in product_weights(model))
    assert sizes.dense == 4 * n_weights
    assert sizes.bitmap == 4 * n_values + n_weights // 8
    assert sizes.csr > 6 * n_values
    assert sizes.gzip < sizes.dense
    assert stored_sizes(model, int8=True).dense == n_weights


def test_ramp_rises_from_none_to_all_and_never_falls():
    shares = [ramp_share(done) for done in np.linspace(0, 1, 50)]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_what_the_ramp_took_stays_away():
    model = build_model()
    ramp = Ramp(0.5)
    ramp(model, 7, 10)
    gone = [weight == 0 for weight in product_weights(model)]
    with torch.no_grad():
        for weight in product_weights(model):
            weight.add_(1.0)
    ramp(model, 8, 10)
    for weight, mask in zip(product_weights(model), gone, strict=True):
        assert (weight[mask] == 0).all()


def test_dropped_layer_is_passed_by():
    model = build_model()
    shorter = without_layer(model, 0)
    ids = torch.tensor([[2, 9, 11, 3]])
    with torch.no_grad():
        expected = model.classifier(model.layers[1](model.embeddings(ids)))
        torch.testing.assert_close(shorter(ids), expected)


@pytest.mark.parametrize(("name", "share"), [("layers", 0.99), ("random", 0.999), ("gmp", 1.0)])
def test_impossible_share_is_refused(features, name, share):
    with pytest.raises(BudgetError, match="impossible budget"):
        quick(name, features, share)


def test_gradual_pruning_without_an_epoch_is_refused(features):
    with pytest.raises(BudgetError, match="no time to prune in"):
        quick("gmp", features, 0.5, finetune_epochs=0)


def test_kwon_and_default_differ_by_what_they_are_known_for():
    kwon, ours = find_method("fisher-kwon").configure(), find_method("fisher").configure()
    assert (kwon.steps, kwon.reconstruct, kwon.shrinkage, kwon.group) == (1, False, 0.0, 1)
    assert ours.steps > 1
    assert ours.reconstruct


def test_reconstructed_rounds_answer_more_like_the_dense_model_than_the_published_method(features):
    """On redundant neurons: reconstruction can hand over a lost neuron's work, a scalar cannot split it."""
    dense = build_model()
    with torch.no_grad():
        for layer in dense.layers:
            layer.up.weight[32:] = layer.up.weight[:32]
            layer.up.bias[32:] = layer.up.bias[:32]

    def error(name):
        method = find_method(name)
        config = method.configure(group=4)
        pruned = method.compress(Task(dense, features, 0.3, config)).model
        pairs = zip(
            window_logits(pruned, features.windows), window_logits(dense, features.windows), strict=True
        )
        return float(np.mean([((a - b) ** 2).mean() for a, b in pairs]))

    assert error("fisher") < error("fisher-kwon")
