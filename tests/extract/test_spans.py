"""Spans of any text and any answer of a model: in order, inside, apart, and never through a number."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from extract.decode import TagSet, best_states, find_glued, find_mentions, is_legal
from extract.records import Section
from extract.sentences import split_sentences

TAGS = TagSet.from_tags(("O", "B-ORR", "I-ORR", "B-OS", "I-OS"))
NUMBER = re.compile(r"\d+(?:[.,·]\d+)*")
TEXTS = st.text(st.sampled_from("12.,·70 mxé%()+-\n😀٣"), max_size=30) | st.text(max_size=30)


def offsets_of(text: str, cuts: list[bool]) -> list[tuple[int, int]]:
    """Tokens: stretches without white space, cut at some of the places where they can be cut."""
    starts = [
        place
        for place in range(len(text))
        if not text[place].isspace() and (place == 0 or text[place - 1].isspace() or cuts[place % len(cuts)])
    ]
    following = [*starts[1:], len(text)][: len(starts)]
    return [
        (start, start + len(text[start:end].rstrip())) for start, end in zip(starts, following, strict=True)
    ]


@given(
    text=TEXTS,
    cuts=st.lists(st.booleans(), min_size=1, max_size=7),
    seed=st.integers(0, 1 << 32),
)
def test_mentions_are_in_order_apart_and_whole(text: str, cuts: list[bool], seed: int) -> None:
    offsets = offsets_of(text, cuts)
    if not offsets:
        return
    emissions = np.random.default_rng(seed).integers(-4, 5, (len(offsets), 5)).astype(np.float32)
    glued = find_glued(text, offsets)
    assert is_legal(best_states(emissions, TAGS, glued), TAGS, glued)
    mentions = find_mentions(text, offsets, emissions, TAGS, whole_numbers=True)
    bounds = [bound for mention in mentions for bound in (mention.start, mention.end)]
    assert bounds == sorted(bounds)
    assert all(0 <= mention.start < mention.end <= len(text) for mention in mentions)
    assert all(0 < mention.score <= 1 for mention in mentions)
    assert {(mention.start, mention.end) for mention in mentions} <= {
        (start, end) for start, _ in offsets for _, end in offsets
    }
    for number in NUMBER.finditer(text):
        assert not any(number.start() < bound < number.end() for bound in bounds)


@given(
    st.lists(
        st.text(max_size=40) | st.text(st.sampled_from("Ab. \n(1)!…\u2028\u00a0"), max_size=60), max_size=4
    )
)
def test_sentences_hold_every_character_of_any_text_once(parts: list[str]) -> None:
    text = "\n".join(parts)
    sections, start = [], 0
    for part in parts:
        sections.append(Section("x", start, start + len(part)))
        start += len(part) + 1
    sentences = split_sentences(text, sections)
    covered = [place for sentence in sentences for place in range(sentence.start, sentence.end)]
    assert covered == sorted(set(covered))
    assert {place for place in range(len(text)) if not text[place].isspace()} <= set(covered)
    for sentence in sentences:
        piece = text[sentence.start : sentence.end]
        assert piece.strip() == piece != ""
        assert any(section.start <= sentence.start and sentence.end <= section.end for section in sections)
