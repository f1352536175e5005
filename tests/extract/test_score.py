"""Scores count an entity only with exact bounds and label."""

from __future__ import annotations

import pytest

from extract.annotations import AnnotatedSentence, Span
from extract.score import Scores, score_mentions

TEXT = "OS was 14.1 months and PFS 6.2 months."


def score(*found: Span) -> Scores:
    gold = AnnotatedSentence("s", "d", TEXT, (Span(7, 18, "OS"), Span(27, 37, "PFS")))
    return score_mentions([gold], [found])


def test_exact_spans_score_one() -> None:
    scores = score(Span(7, 18, "OS"), Span(27, 37, "PFS"))
    assert (scores.precision, scores.recall, scores.f1, scores.accuracy) == (1, 1, 1, 1)
    assert {label: row.support for label, row in scores.per_label.items()} == {"OS": 1, "PFS": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        Span(7, 11, "OS"),
        Span(6, 18, "OS"),
        Span(7, 19, "OS"),
        Span(8, 18, "OS"),
        Span(7, 18, "PFS"),
        Span(7, 17, "OS"),
    ],
)
def test_off_by_anything_is_wrong(wrong: Span) -> None:
    scores = score(wrong, Span(27, 37, "PFS"))
    assert (scores.precision, scores.recall) == (0.5, 0.5)


def test_half_found_has_full_precision() -> None:
    scores = score(Span(7, 18, "OS"))
    assert (scores.precision, scores.recall, scores.f1) == (1, 0.5, pytest.approx(2 / 3))


def test_false_entity_costs_precision() -> None:
    scores = score(Span(7, 18, "OS"), Span(27, 37, "PFS"), Span(0, 2, "ORR"))
    assert (scores.precision, scores.recall) == (pytest.approx(2 / 3), 1)
    assert scores.per_label["ORR"].support == 0


def test_touching_entities_of_one_label_are_two() -> None:
    gold = AnnotatedSentence("s", "d", "12", (Span(0, 1, "OS"), Span(1, 2, "OS")))
    assert score_mentions([gold], [[Span(0, 2, "OS")]]).recall == 0
    assert score_mentions([gold], [gold.entities]).f1 == 1


def test_nothing_to_find_and_nothing_found_is_no_error() -> None:
    gold = AnnotatedSentence("s", "d", TEXT, ())
    scores = score_mentions([gold], [[]])
    assert (scores.f1, scores.accuracy, scores.per_label) == (0, 1, {})
