"""What a model found is held against its bundle's rules."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.bundle import open_bundle
from extract.correction import Corrector
from extract.records import Mention
from extract.registry import find_bundle
from extract.rules import LabelRules, MentionRules, parse_rules
from extract.tagger import open_tagger

VALUE = LabelRules(
    never_begins="(<~.",
    never_ends=").,;",
    units=(" months", "%", "-year"),
    needs_value=True,
    one_number=True,
    phrases=("not reached", "not yet reached", "NR"),
    never_after=("±", "HR"),
)
RULES = MentionRules(labels={"OS": VALUE, "OS_CIL": LabelRules(only_with=(("OS", "PFS"), ("OS_CIH",)))})


def corrected(marked: str, rules: MentionRules = RULES, label: str = "OS") -> str | None:
    """The one mention, given in ``[ ]``, as the rules leave it."""
    text = marked.replace("[", "").replace("]", "")
    mention = Mention(marked.index("["), marked.index("]") - 1, label, 0.9)
    found = Corrector(rules).correct(text, [mention])
    return text[found[0].start : found[0].end] if found else None


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("OS was [14.1 months].", "14.1 months"),
        ("OS [(14.1 months),] then", "14.1 months"),
        ("OS was [<5%]", "5%"),
        ("OS was [.78]", ".78"),
        # A unit that directly follows belongs to the value; one behind something else does not.
        ("OS was [14.1] months.", "14.1 months"),
        ("OS was [14.1] MONTHS.", "14.1 MONTHS"),
        ("OS was [14.1] monthsly", "14.1"),
        ("OS was [14.1] to 17 months", "14.1"),
        ("at [5-]year", "5-year"),
        ("at [5]-year", "5-year"),
        ("at [2-] and 5-year", "2-"),
        # A part of a phrase becomes the phrase, the longest there is.
        ("OS was [reached] late", None),
        ("OS was not [reached].", "not reached"),
        ("OS was [not] yet reached.", "not yet reached"),
        ("OS was [NR] (95%", "NR"),
        # Other words for it are values too, also unknown ones.
        ("OS was [not estimable].", "not estimable"),
        ("OS was [five] months", "five"),
        ("OS was [median].", None),
        # A spread is no value, nor is what stands behind a sign of one.
        ("OS was [3-5 months]", None),
        ("OS was 14.1 ± [2.0] months", None),
        ("with HR [0.7] (", None),
        ("with THR [0.7%] (", "0.7%"),
        # Nothing but what is cut off is nothing.
        ("OS [(),] was", None),
    ],
)
def test_one_mention(marked: str, expected: str | None) -> None:
    assert corrected(marked) == expected


def test_a_bare_number_may_need_a_unit_behind_it() -> None:
    rules = MentionRules(labels={"OS": LabelRules(units=(" months",), unit_follows=True)})
    assert corrected("OS was [14.1] against 9.6 months", rules) == "14.1"
    assert corrected("in 12 months OS was [14.1]", rules) is None


def test_mentions_of_a_label_that_is_never_alone_need_its_company() -> None:
    def labels(*present: str) -> list[str]:
        mentions = [Mention(2 * place, 2 * place + 1, label, 0.9) for place, label in enumerate(present)]
        return [mention.label for mention in Corrector(RULES).correct("1 2 3 4", mentions)]

    assert labels("OS", "OS_CIL", "OS_CIH") == ["OS", "OS_CIL", "OS_CIH"]
    assert labels("PFS", "OS_CIL", "OS_CIH") == ["PFS", "OS_CIL", "OS_CIH"]
    assert labels("OS", "OS_CIL") == ["OS"]
    assert labels("OS_CIL", "OS_CIH") == ["OS_CIH"]


def test_what_was_left_out_keeps_no_company() -> None:
    rules = MentionRules(
        labels={"A": LabelRules(only_with=(("B",),)), "B": LabelRules(only_with=(("C",),), min_score=0.0)}
    )
    mentions = [Mention(0, 1, "A", 0.9), Mention(2, 3, "B", 0.9)]
    assert Corrector(rules).correct("1 2 3", mentions) == ()
    assert Corrector(rules, min_score=0.95).correct("1 2 3", [*mentions, Mention(4, 5, "C", 0.94)]) == ()


@pytest.mark.parametrize(
    ("text", "n_kept"),
    [
        ("OS was 9 (7-11) months", 0),
        ("OS was 9 (95%CI 7-11) months", 1),
        ("OS (ci95) was 9 (7-11) months", 1),
        ("in CIS, OS was 9 (7-11) months", 0),
        ("OS was 9 (195 %, 7-11) months", 1),
    ],
)
def test_a_label_may_need_a_word_in_its_sentence(text: str, n_kept: int) -> None:
    rules = MentionRules(labels={"OS_CIL": LabelRules(only_with_words=("CI", "95 %"))})
    start = text.index("7-")
    mentions = [
        Mention(text.index("9 ("), text.index("9 (") + 1, "OS", 0.9),
        Mention(start, start + 1, "OS_CIL", 0.9),
    ]
    assert len(Corrector(rules).correct(text, mentions)) == 1 + n_kept


@pytest.mark.parametrize(("text", "n_kept"), [("80% Power to see 9", 0), ("powerful: 9", 1), ("it was 9", 1)])
def test_a_label_may_bar_a_word_from_its_sentence(text: str, n_kept: int) -> None:
    rules = MentionRules(labels={"OS": LabelRules(never_with_words=("power",))})
    mention = Mention(text.index("9"), text.index("9") + 1, "OS", 0.9)
    assert len(Corrector(rules).correct(text, [mention])) == n_kept


def test_what_lacks_its_word_keeps_no_company() -> None:
    rules = MentionRules(
        labels={"A": LabelRules(only_with=(("B",),)), "B": LabelRules(only_with_words=("x",))}
    )
    mentions = [Mention(0, 1, "A", 0.9), Mention(2, 3, "B", 0.9)]
    assert Corrector(rules).correct("1 2 3", mentions) == ()
    assert len(Corrector(rules).correct("1 2 x", mentions)) == 2


def test_a_label_may_have_a_threshold_of_its_own() -> None:
    rules = MentionRules(labels={"A": LabelRules(min_score=0.5), "B": LabelRules(never_ends=".")})
    mentions = [Mention(2 * place, 2 * place + 1, label, 0.6) for place, label in enumerate("ABC")]
    assert [mention.label for mention in Corrector(rules, 0.7).correct("1 2 3", mentions)] == ["A"]
    assert [mention.label for mention in Corrector(rules, 0.6).correct("1 2 3", mentions)] == ["A", "B", "C"]


WORDS = st.sampled_from(
    ["14.1", "5", "82·5%", "43 %", "months", "not", "yet", "reached", "(", ")", ",", ".", "±", "-", "–", "HR"]
    + ["5-year", "é", " ", "median"]
)


@st.composite
def texts_with_mentions(draw: st.DrawFn) -> tuple[str, list[Mention]]:
    text = "".join(draw(st.lists(st.tuples(WORDS, st.sampled_from(["", " "])).map("".join), min_size=1)))
    ends = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    label = st.sampled_from(["OS", "OS_CIL", "OS_CIH", "other"])
    score = st.sampled_from([0.3, 0.9])
    pairs = zip(ends[::2], ends[1::2], strict=False)
    return text, [Mention(start, end, draw(label), draw(score)) for start, end in pairs]


@given(texts_with_mentions())
def test_without_rules_mentions_stay_what_they_are(case: tuple[str, list[Mention]]) -> None:
    text, mentions = case
    assert Corrector(MentionRules()).correct(text, mentions) == tuple(mentions)
    sure = tuple(mention for mention in mentions if mention.score >= 0.7)
    assert Corrector(MentionRules(), 0.7).correct(text, mentions) == sure


@given(texts_with_mentions())
def test_what_is_left_keeps_to_the_rules(case: tuple[str, list[Mention]]) -> None:
    text, mentions = case
    found = Corrector(RULES).correct(text, mentions)
    before = 0
    for mention in found:
        words = text[mention.start : mention.end]
        assert before <= mention.start < mention.end <= len(text), "in order, inside, without overlap"
        before = mention.end
        if mention.label == "OS":
            assert words[0] not in "(<~ "
            assert words[-1] not in ").,; "
            assert not re.search(r"±\s*\Z", text[: mention.start])
            follows = re.match(r" months(?![^\W\d_])|%", text[mention.end :])
            assert not (words[-1].isdigit() and follows) or any(
                other.start < mention.end + follows.end() for other in found if other.start >= mention.end
            ), "the unit is taken in unless another mention holds it"
    assert Corrector(RULES).correct(text, found) == found, "what keeps to the rules is left alone"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"labels": {"OS": {"unit": ["%"]}}}, "unknown rules"),
        ({"whole_word": True}, "unknown rules"),
        ({"whole_words": 1}, "whole_words 1 is no bool"),
        ({"labels": {"OS": {"units": "%"}}}, "units '%' is no list"),
        ({"labels": {"OS": {"units": [" "]}}}, "empty string"),
        ({"labels": {"OS": {"never_ends": 3}}}, "never_ends 3 is no str"),
        ({"labels": {"OS": {"min_score": 1.5}}}, "from 0 to 1"),
        ({"labels": {"OS": {"only_with": ["PFS"]}}}, "is no list"),
    ],
)
def test_rules_that_say_nothing_clear_are_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        parse_rules(data)


def test_rules_survive_writing_and_reading() -> None:
    assert parse_rules(RULES.to_dict()) == RULES
    assert parse_rules({}) == MentionRules()


def test_rules_cost_under_three_per_cent_of_tagging() -> None:
    """Held to with ten times as much to spare, so that a busy machine does not matter."""
    tagger = open_tagger(open_bundle(find_bundle("pruned25-int8")))
    texts = [f"Median OS was {place}.1 months (95% CI 11.2-17.8), ORR 43 %." for place in range(60)]
    rules = MentionRules(labels=dict.fromkeys(tagger.bundle.labels, VALUE))
    corrector = Corrector(rules)
    started = time.process_time()
    mentions = tagger.tag(texts).mentions
    tagging = time.process_time() - started
    assert sum(map(len, mentions)) > 3 * len(texts)
    costs = []
    for _ in range(5):
        started = time.process_time()
        for text, found in zip(texts, mentions, strict=True):
            corrector.correct(text, found)
        costs.append(time.process_time() - started)
    assert min(costs) < 0.03 * tagging
