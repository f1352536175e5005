"""Rules are what the annotations of a training set keep to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from compress.building.rules import count_changed, derive_rules, read_rules, state_rules, write_rules
from compress.errors import CompressError
from extract.annotations import AnnotatedSentence, Span
from extract.rules import NO_RULES, LabelRules, parse_rules

ENDPOINTS = Path(__file__).resolve().parents[3] / "examples" / "endpoints" / "authored.jsonl"


def sentence(number: int, marked: str) -> AnnotatedSentence:
    """Of text with mentions as ``[LABEL words]``."""
    text, spans = "", []
    for piece in marked.replace("[", "]").split("]"):
        label, _, words = piece.partition("=")
        if words:
            spans.append(Span(len(text), len(text) + len(words), label))
        text += words or piece
    return AnnotatedSentence(str(number), str(number), text, tuple(spans))


def corpus(*marked: str, times: int = 40) -> list[AnnotatedSentence]:
    return [
        sentence(place, line.replace("N", str(10 + place)))
        for place, line in enumerate(line for _ in range(times) for line in marked)
    ]


VALUES = corpus(
    "OS was [OS=N.1 months] (range 3-5 months), and [OS=N] of 9 months",
    "at [at=2-] and [at=5-year] the rate was ([rate=N%]) ± 3.1%, ± 2 or ± 1",
    "OS was [OS=not reached] in N patients",
    "of (N) mg nothing",
)


def test_units_ends_and_phrases_are_read_off() -> None:
    rules = derive_rules(VALUES)
    os, rate, at = (rules.labels[label] for label in ("OS", "rate", "at"))
    assert os.units == (" months",)
    assert os.phrases == ("not reached",)
    assert os.needs_value
    assert os.one_number
    assert os.never_after == ("±",)
    assert {*"(),"} <= {*rate.never_begins} & {*rate.never_ends}
    assert "%" not in rate.never_ends, "signs of units are not punctuation"
    assert "-" not in at.never_ends
    assert "-" in at.never_begins
    assert count_changed(VALUES, rules) == (0, 240)


def test_a_label_that_never_stands_alone_has_company() -> None:
    rules = derive_rules(VALUES)
    assert rules.labels["at"].only_with == (("rate",),)
    assert rules.labels["OS"].only_with == ()


def test_a_unit_that_is_as_often_outside_is_no_rule() -> None:
    mixed = corpus("OS was [OS=N months]", "OS was [OS=N] months")
    assert derive_rules(mixed).labels["OS"].units == ()


def test_names_get_no_rules_for_numbers() -> None:
    rules = derive_rules(corpus("given [drug=5-FUN], ([drug=aspirin])", "[drug=poly(N)] in ± 2, ± 3, ± 4"))
    assert rules.whole_words
    drug = rules.labels["drug"]
    assert drug == LabelRules(never_begins=drug.never_begins, never_ends=drug.never_ends)
    assert "(" in drug.never_begins
    assert ")" not in drug.never_ends, "a name may end with a bracket"


def test_words_are_whole_only_where_annotators_never_cut_them() -> None:
    assert derive_rules(corpus("an [x=anti]body of N")).whole_words is False


def test_few_mentions_say_nothing() -> None:
    assert derive_rules(corpus("OS was [OS=N months]", times=20)).labels == {}


def test_rules_of_real_annotations_leave_them_alone() -> None:
    """The numbers may change with the data; that next to nothing is lost may not."""
    from extract.annotations import read_annotations

    sentences = read_annotations(ENDPOINTS)
    half = derive_rules([one for one in sentences if int(one.doc[1:]) % 2])
    changed, total = count_changed([one for one in sentences if not int(one.doc[1:]) % 2], half)
    assert total > 4000
    assert changed <= 0.005 * total
    assert half.labels["time_point"].only_with == (("DFS_percent", "OS_percent", "PFS_percent"),)
    assert {" months", " mo"} <= {*half.labels["OS"].units}


def test_stated_rules_win_over_derived_ones_and_leave_the_rest() -> None:
    derived = derive_rules(VALUES)
    stated = parse_rules({"labels": {"*a*": {"only_with_words": ["rate"], "units": ["%", " per cent"]}}})
    rules = state_rules(derived, stated, ("OS", "at", "rate", "rare"))
    assert rules.labels["OS"] == derived.labels["OS"]
    for label in ("at", "rate"):
        expected = replace(derived.labels[label], only_with_words=("rate",), units=("%", " per cent"))
        assert rules.labels[label] == expected
    assert rules.labels["rare"] == LabelRules(only_with_words=("rate",), units=("%", " per cent"))
    with pytest.raises(CompressError, match=r"no label.*\*_CIL"):
        state_rules(derived, parse_rules({"labels": {"*_CIL": {}}}), ("OS",))


@pytest.mark.parametrize("name", ["authored.jsonl", "authored-hard.jsonl"])
def test_what_the_guidelines_of_the_endpoints_state_holds_for_their_annotations(name: str) -> None:
    """Rules 5 and 6; both sets have sentences made to break such rules of thumb."""
    from extract.annotations import labels_of, read_annotations

    sentences = read_annotations(ENDPOINTS.parent / name)
    stated = read_rules(ENDPOINTS.parent / "stated-rules.json")
    derived = derive_rules(sentences)
    more, total = count_changed(sentences, state_rules(derived, stated, labels_of(sentences)))
    assert more - count_changed(sentences, derived)[0] <= 0.005 * total


@pytest.mark.parametrize(
    ("learnt", "held"), [("authored.jsonl", "authored-hard.jsonl"), ("authored-hard.jsonl", "authored.jsonl")]
)
def test_two_sets_by_the_same_guidelines_keep_to_each_others_rules(learnt: str, held: str) -> None:
    from extract.annotations import read_annotations

    rules = derive_rules(read_annotations(ENDPOINTS.parent / learnt))
    changed, total = count_changed(read_annotations(ENDPOINTS.parent / held), rules)
    assert changed <= 0.003 * total


def test_rules_are_written_for_people_and_read_again(tmp_path: Path) -> None:
    rules = derive_rules(VALUES)
    write_rules(tmp_path / "rules.json", rules)
    assert read_rules(tmp_path / "rules.json") == rules
    (tmp_path / "empty.json").write_text("{}")
    assert read_rules(tmp_path / "empty.json") == NO_RULES
    for wrong in ("[]", "{", json.dumps({"labels": {"OS": 3}}), json.dumps({"labels": {"OS": {"unit": []}}})):
        (tmp_path / "wrong.json").write_text(wrong)
        with pytest.raises(CompressError, match="rules cannot be read"):
            read_rules(tmp_path / "wrong.json")
    with pytest.raises(CompressError, match="rules cannot be written"):
        write_rules(tmp_path / "nowhere" / "rules.json", rules)
