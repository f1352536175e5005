"""The audit of the gate: the same sample every time, and bounds that hold."""

from __future__ import annotations

import random

import pytest

from extract.evidence import draw_sample
from extract.gate_audit import Observed, upper_bound
from extract.records import Citation, Field, Section, Sentence


def make_dropped(doc_id: str, n_sentences: int) -> tuple[Citation, list[tuple[Field, Sentence]]]:
    text = "abcdefghi " * n_sentences
    field = Field("abstract", text, (Section("abstract", 0, len(text)),))
    sentences = [(field, Sentence(10 * n, 10 * n + 9)) for n in range(n_sentences)]
    return Citation(doc_id, None, 1, 0, (field,)), sentences


def test_sample_is_of_the_share_and_always_the_same() -> None:
    drawn = [draw_sample(*make_dropped(str(pmid), 20), 0.05) for pmid in range(2000)]
    assert drawn == [draw_sample(*make_dropped(str(pmid), 20), 0.05) for pmid in range(2000)]
    assert sum(map(len, drawn)) == pytest.approx(0.05 * 40_000, rel=0.1)


def test_sample_does_not_depend_on_what_else_was_dropped() -> None:
    citation, sentences = make_dropped("77", 400)
    rest = sentences[100:]
    assert draw_sample(citation, sentences, 0.1)[-len(draw_sample(citation, rest, 0.1)) :] == draw_sample(
        citation, rest, 0.1
    )


@pytest.mark.parametrize(
    ("n_events", "n_trials", "bound"),
    # One-sided 95 %: 1 - 0.05 ** (1 / n) for no event; beta quantiles of scipy 1.17 for the others.
    [(0, 100, 0.029513), (0, 3000, 0.000998), (1, 100, 0.046560), (5, 1000, 0.010480), (100, 100, 1.0)],
)
def test_upper_bound_is_that_of_clopper_and_pearson(n_events: int, n_trials: int, bound: float) -> None:
    assert upper_bound(n_events, n_trials) == pytest.approx(bound, abs=2e-5)


def test_upper_bound_holds_about_as_often_as_it_says() -> None:
    dice = random.Random(1)
    held = [upper_bound(sum(dice.random() < 0.02 for _ in range(300)), 300) >= 0.02 for _ in range(300)]
    assert sum(held) / 300 >= 0.93


def test_observed_loss_is_scaled_to_what_was_dropped() -> None:
    counts = {
        "sentence_dropped": 10_000,
        "sentence_audited": 50,
        "sentence_hits": 1,
        "sentence_entities": 2,
    }
    found = Observed.of(counts, "sentence", n_entities=3600)
    assert found.loss == pytest.approx(400 / 4000)
    assert found.loss_upper is not None
    assert found.loss is not None
    assert found.loss_upper > found.loss
    assert Observed.of(counts, "citation", n_entities=3600).loss is None
