from dataclasses import replace

import pytest

from compress.building.promotion import Examined, Margins, exact_numbers, judge
from extract.annotations import AnnotatedSentence, Span
from extract.score import LabelScore, Scores


def examined(f1=0.95, numbers=0.97, **recalls):
    labels = {"OS": (0.96, 400), "ORR": (0.95, 60), "DOR": (0.9, 10)}
    per_label = {
        label: LabelScore(0.95, recalls.get(label, recall), 0.95, support)
        for label, (recall, support) in labels.items()
    }
    return Examined(Scores(100, 0.95, 0.95, f1, 0.99, per_label), numbers, 400)


@pytest.mark.parametrize(
    ("variant", "failures"),
    [
        (examined(), 0),
        (examined(f1=0.97, numbers=1.0, OS=1.0), 0),
        (examined(f1=0.944), 0),
        (examined(f1=0.943), 1),
        (examined(numbers=0.96), 1),
        (examined(ORR=0.9), 1),
        (examined(DOR=0.0), 0),
        (examined(f1=0.5, numbers=0.5, OS=0.5, ORR=0.5), 4),
    ],
)
def test_a_fall_beyond_its_margin_is_named(variant, failures):
    verdict = judge(examined(), variant)
    assert len(verdict["failures"]) == failures
    assert verdict["passed"] is (failures == 0)


def test_a_frequent_label_that_is_gone_altogether_fails():
    variant = examined()
    gone = {label: row for label, row in variant.scores.per_label.items() if label != "OS"}
    verdict = judge(examined(), replace(variant, scores=replace(variant.scores, per_label=gone)))
    assert verdict["failures"] == ["recall of OS 0.0000, dense 0.9600: more than 0.03 lower"]


def test_one_entity_of_few_decides_nothing():
    few = {"OS": LabelScore(1.0, 1.0, 1.0, 20)}
    dense = Examined(Scores(10, 1.0, 1.0, 1.0, 1.0, few), 1.0, 20)
    one_less = Examined(Scores(10, 1.0, 0.95, 0.974, 1.0, few), 0.95, 20)
    three_less = Examined(Scores(10, 1.0, 0.85, 0.85, 1.0, few), 0.85, 20)
    assert judge(dense, one_less)["passed"]
    assert not judge(dense, three_less)["passed"]
    assert not judge(dense, one_less, Margins(least=1))["passed"]


def test_only_entities_with_digits_count_as_numbers_and_only_exact_ones_as_found():
    text = "OS was 8.5 months, PFS not reached, ORR 40%"
    gold = (Span(7, 17, "OS"), Span(23, 34, "PFS"), Span(40, 43, "ORR"))
    sentence = AnnotatedSentence("S", "D", text, gold)
    assert exact_numbers([sentence], [gold]) == (1.0, 2)
    assert exact_numbers([sentence], [(gold[0], Span(40, 42, "ORR"))]) == (0.5, 2)
    assert exact_numbers([sentence], [(Span(7, 17, "PFS"), gold[2])]) == (0.5, 2)
    assert exact_numbers([sentence], [gold[::2]]) == (1.0, 2)
    assert exact_numbers([AnnotatedSentence("S", "D", text, ())], [()]) == (1.0, 0)


def test_names_with_digits_in_them_are_no_numbers():
    text = "5-fluorouracil, cisplatin and vitamin B12 were given"
    gold = (Span(0, 14, "Chemical"), Span(16, 25, "Chemical"), Span(30, 41, "Chemical"))
    assert exact_numbers([AnnotatedSentence("S", "D", text, gold)], [()]) == (1.0, 0)
