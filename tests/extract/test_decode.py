"""The best legal tag sequence becomes mentions with exact bounds."""

from __future__ import annotations

import itertools
import math
import re
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.decode import TagSet, best_states, find_glued, find_mentions, is_legal

TAGS = TagSet.from_tags(("O", "B-ORR", "I-ORR", "B-OS", "I-OS"))
OUT, B_ORR, B_OS, I_ORR, I_OS = range(5)


def emissions_of(states: list[int]) -> np.ndarray:
    return np.eye(5, dtype=np.float32)[states] * 4


def test_states_keep_a_labels_tags_together() -> None:
    assert TAGS.columns.tolist() == [0, 1, 3, 2, 4]


@given(
    rows=st.lists(st.lists(st.integers(-5, 5), min_size=5, max_size=5), min_size=1, max_size=5),
    ties=st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_no_legal_sequence_scores_higher(rows: list[list[int]], ties: list[bool]) -> None:
    emissions = np.array(rows, np.float32)
    glued = np.array([False, *ties[1 : len(rows)]])
    found = best_states(emissions, TAGS, glued)
    assert is_legal(found, TAGS, glued)
    score = emissions[np.arange(len(rows)), found].sum()
    for states in itertools.product(range(5), repeat=len(rows)):
        if is_legal(np.array(states), TAGS, glued):
            assert emissions[np.arange(len(rows)), list(states)].sum() <= score


@pytest.mark.parametrize(
    ("states", "legal"),
    [
        ([B_OS, I_OS, I_OS], True),
        ([OUT, I_OS], False),
        ([I_OS], False),
        ([B_ORR, I_OS], False),
        ([B_OS, B_OS], True),
    ],
)
def test_continuation_continues_its_own_label(states: list[int], legal: bool) -> None:
    assert is_legal(np.array(states), TAGS, np.zeros(len(states), bool)) is legal


@pytest.mark.parametrize(
    ("states", "legal"),
    [([OUT, OUT], True), ([B_OS, I_OS], True), ([B_OS, OUT], False), ([OUT, B_OS], False)],
)
def test_tied_token_neither_begins_nor_ends_a_mention(states: list[int], legal: bool) -> None:
    assert is_legal(np.array(states), TAGS, np.array([False, True])) is legal


def test_digits_and_decimal_point_of_a_number_are_tied() -> None:
    text = "at 25.7 and 82·5% in 3."
    offsets = [
        (0, 2),
        (3, 5),
        (5, 6),
        (6, 7),
        (8, 11),
        (12, 14),
        (14, 15),
        (15, 16),
        (16, 17),
        (18, 20),
        (21, 22),
        (22, 23),
    ]
    tied = [
        text[start:end]
        for (start, end), glued in zip(offsets, find_glued(text, offsets), strict=True)
        if glued
    ]
    assert tied == [".", "7", "·", "5"]


def test_split_number_is_made_whole() -> None:
    text = "25.7 months"
    offsets = [(0, 2), (2, 3), (3, 4), (5, 11)]
    split = emissions_of([B_OS, OUT, B_OS, I_OS])
    (whole,) = find_mentions(text, offsets, split, TAGS, whole_numbers=True)
    assert text[whole.start : whole.end] == "25.7 months"
    loose = find_mentions(text, offsets, split, TAGS, whole_numbers=False)
    assert [text[mention.start : mention.end] for mention in loose] == ["25", "7 months"]


def test_number_with_letters_in_its_last_token_is_whole_too() -> None:
    text = "in the 2.5th"
    offsets = [(0, 2), (3, 6), (7, 8), (8, 9), (9, 12)]
    assert find_glued(text, offsets).tolist() == [False, False, False, True, True]
    (whole,) = find_mentions(
        text, offsets, emissions_of([OUT, OUT, B_OS, I_OS, B_ORR]), TAGS, whole_numbers=True
    )
    assert text[whole.start : whole.end] == "2.5th"


def test_a_word_is_cut_unless_the_rules_keep_words_whole() -> None:
    text = "BRCA1-mutated 2.5mg"
    offsets = [(0, 2), (2, 4), (4, 5), (5, 6), (6, 13), (14, 15), (15, 16), (16, 19)]
    assert (
        find_glued(text, offsets, whole_words=True).tolist() == [False, True, True] + [False] * 3 + [True] * 2
    )
    cut = emissions_of([B_OS, I_OS, OUT, OUT, OUT, OUT, OUT, OUT])
    for whole, expected in ((False, "BRCA"), (True, "BRCA1")):
        (mention,) = find_mentions(text, offsets, cut, TAGS, whole_numbers=True, whole_words=whole)
        assert text[mention.start : mention.end] == expected


PIECES = st.lists(st.sampled_from(["14", "1", ".", "·", "-", " ", "%", "mg", "(", ")", ","]), min_size=1)


@given(PIECES, st.randoms(use_true_random=False), st.booleans())
def test_no_mention_begins_or_ends_within_a_number(
    pieces: list[str], random: Random, whole_words: bool
) -> None:
    text = "".join(pieces)
    cuts = sorted({0, len(text), *(random.randrange(len(text) + 1) for _ in range(8))})
    offsets = [pair for pair in itertools.pairwise(cuts) if not text[slice(*pair)].isspace()]
    if not offsets:
        return
    emissions = np.array([[random.randrange(-9, 10) for _ in range(5)] for _ in offsets], np.float32)
    found = find_mentions(text, offsets, emissions, TAGS, whole_numbers=True, whole_words=whole_words)
    ends = {place for mention in found for place in (mention.start, mention.end)}
    starts = {start for start, _ in offsets}
    for number in re.finditer(r"\d+(?:[.,·]\d+)*", text):
        within = set(range(number.start() + 1, number.end()))
        assert not ends & within & starts, "at the start of a token within a number"
    assert all(0 <= mention.start < mention.end <= len(text) for mention in found)


def test_neighbouring_mentions_stay_apart() -> None:
    found = find_mentions(
        "1 2 3", [(0, 1), (2, 3), (4, 5)], emissions_of([B_OS, B_OS, B_ORR]), TAGS, whole_numbers=True
    )
    assert [(mention.start, mention.end, mention.label) for mention in found] == [
        (0, 1, "OS"),
        (2, 3, "OS"),
        (4, 5, "ORR"),
    ]


def test_score_is_the_geometric_mean_of_tag_probabilities() -> None:
    emissions = np.log(np.array([[0.1, 0.1, 0.6, 0.1, 0.1], [0.1, 0.3, 0.1, 0.1, 0.4]], np.float32))
    (mention,) = find_mentions("9 %", [(0, 1), (2, 3)], emissions, TAGS, whole_numbers=True)
    assert mention.score == pytest.approx(math.sqrt(0.6 * 0.4), rel=1e-5)
