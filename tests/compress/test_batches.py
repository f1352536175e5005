import numpy as np
import pytest
import torch

from compress.batches import collate, n_batches, shuffled_batches, sorted_batches
from compress.features import IGNORED


def test_every_window_comes_once_whatever_the_order(features):
    for batches in (
        shuffled_batches(features.windows, 5, np.random.default_rng(0)),
        sorted_batches(features.windows, 5),
    ):
        indices = [index for batch in batches for index in batch.indices]
        assert sorted(indices) == list(range(len(features.windows)))


def test_order_depends_on_the_seed_alone(features):
    def order(seed):
        return [batch.indices for batch in shuffled_batches(features.windows, 5, np.random.default_rng(seed))]

    assert order(1) == order(1) != order(2)


@pytest.mark.parametrize("batch_size", [1, 5, 24, 100])
def test_number_of_batches_is_known_before(features, batch_size):
    batches = list(shuffled_batches(features.windows * 3, batch_size, np.random.default_rng(0)))
    assert len(batches) == n_batches(len(features.windows) * 3, batch_size)


def test_padding_is_masked_and_carries_no_tag(features):
    lengths = [len(window.input_ids) for window in features.windows]
    short, long = lengths.index(min(lengths)), lengths.index(max(lengths))
    batch = collate(features.windows, [short, long])
    assert batch.attention_mask.sum(dim=1).tolist() == [min(lengths), max(lengths)]
    assert set(batch.tag_ids[0, min(lengths) :].tolist()) == {IGNORED}


def test_equal_lengths_need_no_mask(features):
    assert collate(features.windows, [0, 0]).attention_mask is None


def test_padding_changes_no_logits(features, model):
    lengths = [len(window.input_ids) for window in features.windows]
    short, long = lengths.index(min(lengths)), lengths.index(max(lengths))
    padded, alone = collate(features.windows, [short, long]), collate(features.windows, [short])
    with torch.no_grad():
        together = model(padded.input_ids, padded.attention_mask)[0, : min(lengths)]
        torch.testing.assert_close(together, model(alone.input_ids)[0], atol=1e-5, rtol=0)
