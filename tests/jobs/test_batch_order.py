"""Batches of sixteen: every sentence once, in the order of the file and by length."""

from __future__ import annotations

import random

import pytest

from jobs.batch_order import BATCH, MOST_BATCHES, order_batches, pace_of


@pytest.mark.parametrize("n_sentences", [1, 16, 17, 100])
def test_every_sentence_is_in_one_batch_of_each_order(n_sentences: int) -> None:
    lengths = [random.Random(n_sentences).randrange(1, 80) for _ in range(n_sentences)]
    order = order_batches(lengths)
    natural = [number for batch in order.natural for number in batch]
    by_length = [number for batch in order.by_length for number in batch]
    assert natural == list(range(n_sentences))
    assert sorted(by_length) == natural
    assert [lengths[number] for number in by_length] == sorted(lengths)
    assert {len(batch) for batch in (*order.natural[:-1], *order.by_length[:-1])} <= {BATCH}


def test_of_much_data_stretches_from_all_over_it_are_taken() -> None:
    order = order_batches([5] * 10_000)
    assert len(order.natural) == len(order.by_length) == MOST_BATCHES
    assert all(batch == tuple(range(batch[0], batch[0] + BATCH)) for batch in order.natural)
    assert order.natural[-1][0] > 9_000


def test_pace_is_milliseconds_a_sentence_of_a_batch() -> None:
    batches = [(0, 1, 2, 3), (4, 5)]
    pace = pace_of(batches, [[0.4, 0.1], [0.4, 0.1], [0.8, 0.6]], lengths=[10, 10, 10, 10, 5, 5])
    # 100, 50, 100, 50, 200 and 300 ms a sentence; the median round takes 0.5 s.
    assert pace.ms_p50 == pytest.approx(100)
    assert 200 < pace.ms_p95 <= 300
    assert pace.sentences_per_second == pytest.approx(6 / 0.5)
    assert pace.tokens_per_second == pytest.approx(50 / 0.5)
