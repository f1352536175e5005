"""Intervals of F1 and of its difference, held against counting one draw at a time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract import agreement
from extract.agreement import Counts, bootstrap_difference, bootstrap_f1, f1_of

COUNTS = st.lists(
    st.integers(0, 3).flatmap(lambda right: st.tuples(st.just(right), st.integers(right, 5))),
    min_size=2,
    max_size=12,
).map(lambda rows: np.array([(right, found, 3) for right, found in rows], np.int64))


def counts_of(n_sentences: int, n_right: int) -> Counts:
    """One annotated and one found entity a sentence; in so many of them it is the same."""
    return np.array([(number < n_right, 1, 1) for number in range(n_sentences)], np.int64)


@given(counts=COUNTS)
def test_a_model_is_not_better_than_itself(counts: Counts) -> None:
    interval = bootstrap_difference(counts, counts)
    assert (interval.low, interval.high) == (0.0, 0.0)


@given(mine=COUNTS, data=st.data())
def test_the_other_way_round_the_sign_changes(mine: Counts, data: st.DataObject) -> None:
    others = np.array(data.draw(st.permutations(mine.tolist())), np.int64)
    forth, back = bootstrap_difference(mine, others), bootstrap_difference(others, mine)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))


def test_a_known_difference_lies_in_its_interval_and_the_interval_is_that_of_the_binomial() -> None:
    # Of 400 sentences one model gets 300 right, the other these and 40 more: the difference is the share
    # of 40 in 400, whose standard error is that of a share.
    mine, others = counts_of(400, 340), counts_of(400, 300)
    interval = bootstrap_difference(mine, others)
    error = (0.1 * 0.9 / 400) ** 0.5
    assert interval.low == pytest.approx(0.1 - 1.96 * error, abs=0.004)
    assert interval.high == pytest.approx(0.1 + 1.96 * error, abs=0.004)


def test_pairing_makes_a_small_steady_difference_visible() -> None:
    # Both fail on the same half of the text; the one is a little better in the other half.
    mine, others = counts_of(1000, 520), counts_of(1000, 500)
    paired = bootstrap_difference(mine, others)
    assert paired.low > 0
    alone = bootstrap_f1(mine), bootstrap_f1(others)
    assert alone[0].low < alone[1].high


def test_documents_are_drawn_whole() -> None:
    # Ten sentences each of 30 documents: all right in half of them, all wrong in the others.
    n_documents, n_sentences = 30, 10
    documents = [str(number) for number in range(n_documents) for _ in range(n_sentences)]
    counts = np.array([(int(doc) % 2, 1, 1) for doc in documents], np.int64)
    by_sentence, by_document = bootstrap_f1(counts), bootstrap_f1(counts, documents)
    ratio = (by_document.high - by_document.low) / (by_sentence.high - by_sentence.low)
    assert ratio == pytest.approx(n_sentences**0.5, rel=0.15)
    whole = np.array([(10 * (number % 2), 10, 10) for number in range(n_documents)], np.int64)
    assert bootstrap_f1(whole) == by_document


def test_a_document_for_each_sentence_is_no_document_at_all() -> None:
    mine, others = counts_of(50, 30), counts_of(50, 20)
    assert bootstrap_difference(mine, others, [str(n) for n in range(50)]) == bootstrap_difference(
        mine, others
    )


def test_draws_in_parts_are_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, others = counts_of(60, 40), counts_of(60, 30)
    whole = bootstrap_difference(mine, others)
    monkeypatch.setattr(agreement, "_CELLS", 60 * 17)
    assert bootstrap_difference(mine, others) == whole


def test_draws_are_those_that_counting_by_hand_gives() -> None:
    mine, others = counts_of(20, 15), counts_of(20, 9)
    rng = np.random.default_rng(0)
    differences = []
    for _ in range(agreement.RESAMPLES):
        weights = rng.multinomial(20, [1 / 20] * 20)
        drawn = list(itertools.chain.from_iterable([n] * weight for n, weight in enumerate(weights)))
        differences.append(f1_of(mine[drawn]) - f1_of(others[drawn]))
    interval = bootstrap_difference(mine, others)
    assert interval.low == pytest.approx(np.quantile(differences, 0.025))
    assert interval.high == pytest.approx(np.quantile(differences, 0.975))


def test_nothing_to_find_and_nothing_found_is_no_difference() -> None:
    nothing = np.zeros((5, 3), np.int64)
    assert f1_of(nothing) == 1.0
    interval = bootstrap_difference(nothing, nothing)
    assert (interval.low, interval.high) == (0.0, 0.0)
