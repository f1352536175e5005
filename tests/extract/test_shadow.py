"""Two models on the same sentences: counted by label, with bounds, the same however it is added up."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import reduce

import pytest

from extract.evidence import Drawn, Evidence, Example, clean_text, example_of, merge_evidence, parse_evidence
from extract.records import Mention
from extract.shadow import Answers, compare_answers, merge_shadows, parse_shadow


def answers_of(number: int, mine: list[Mention], others: list[Mention]) -> Answers:
    return Drawn(number, str(number), "abstract", 0, "OS was 14.1 months, ORR 43%."), mine, others


OS = Mention(7, 18, "OS", 0.9)
LONGER = Mention(0, 18, "OS", 0.5)
ORR = Mention(24, 27, "ORR", 0.8)
ANSWERS = [
    answers_of(1, [OS, ORR], [OS, ORR]),
    answers_of(2, [OS], [LONGER]),
    answers_of(3, [], []),
    answers_of(4, [], [ORR]),
]


def test_only_exact_spans_and_labels_agree() -> None:
    seen = compare_answers("dense", "abc", ANSWERS)
    assert (seen.n_sentences, seen.n_same) == (4, 2)
    told = seen.to_dict()
    assert {
        label: (votes["both"], votes["only_model"], votes["only_shadow"])
        for label, votes in told["per_label"].items()
    } == {"OS": (1, 1, 1), "ORR": (1, 0, 1)}
    assert told["agreement"] == pytest.approx(2 / 5)
    assert told["examples"][0] == {
        "doc_id": "2",
        "sentence": "OS was 14.1 months, ORR 43%.",
        "found": ["only here, OS: 14.1 months", "only dense, OS: OS was 14.1 months"],
    }


def test_bound_lies_below_what_was_seen() -> None:
    many = compare_answers("dense", "abc", [answers_of(n, [OS], [OS]) for n in range(300)])
    # No event among 300: 0.05 ** (1 / 300), after Clopper and Pearson.
    assert many.same_lower == pytest.approx(0.05 ** (1 / 300), abs=1e-6)
    assert many.all_labels.agreement == 1
    assert compare_answers("dense", "abc", []).to_dict()["agreement_lower"] is None


def test_sums_do_not_depend_on_the_order_of_shards() -> None:
    parts = [compare_answers("dense", "abc", [answer]) for answer in ANSWERS]
    whole = compare_answers("dense", "abc", ANSWERS)
    assert reduce(merge_shadows, parts) == reduce(merge_shadows, reversed(parts)) == whole
    assert parse_shadow(json.loads(json.dumps(asdict(whole)))) == whole


def test_few_examples_are_kept_whatever_the_order() -> None:
    parts = [
        Evidence({"OS": 1}, (example_of(Drawn(n, str(n), "title", 0, "x"), ["OS: x"]),)) for n in range(9)
    ]
    one, two = reduce(merge_evidence, parts), reduce(merge_evidence, reversed(parts))
    assert one == two == parse_evidence(json.loads(json.dumps(asdict(one))))
    assert [example.draw for example in one.examples] == [0, 1, 2]
    assert one.labels == {"OS": 9}


def test_examples_hold_nothing_that_a_file_cannot() -> None:
    example = example_of(Drawn(1, "a\0b", "title", 0, "\ud800 x\x1b[31m" + "y" * 999), [])
    assert isinstance(example, Example)
    assert example.doc_id == "a b"
    assert example.text.startswith("? x [31m")
    assert len(example.text.encode()) == 300
    assert clean_text("naïve β") == "naïve β"
