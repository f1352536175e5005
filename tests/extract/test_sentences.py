"""Sentences: hard cases, exact cover of the text, sections never crossed, time that grows with the text."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.records import Section, Sentence
from extract.sentences import split_sentences

BOUNDARY = "‖"
HARD_CASES = Path(__file__).parent / "data" / "hard_sentences.txt"


def read_hard_cases() -> list[str]:
    lines = HARD_CASES.read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def split(text: str) -> list[str]:
    sentences = split_sentences(text, [Section("abstract", 0, len(text))])
    return [text[sentence.start : sentence.end] for sentence in sentences]


@pytest.mark.parametrize("case", read_hard_cases())
def test_hard_case_is_split_where_marked(case: str) -> None:
    assert split(case.replace(BOUNDARY, " ")) == case.split(BOUNDARY)


def test_offsets_are_into_the_whole_text() -> None:
    text = "First title\nOne is here. Two is there."
    sections = [Section("A", 0, 11), Section("B", 12, len(text))]
    assert split_sentences(text, sections) == [Sentence(0, 11), Sentence(12, 24), Sentence(25, 38)]


def test_section_boundary_ends_a_sentence_without_full_stop() -> None:
    text = "no stop here\nand none here"
    assert len(split_sentences(text, [Section("A", 0, 12), Section("B", 13, len(text))])) == 2


def test_abbreviation_at_the_end_of_a_section_does_not_reach_into_the_next() -> None:
    text = "as in vs.\n3 patients"
    assert split_sentences(text, [Section("A", 0, 9), Section("B", 10, 20)]) == [
        Sentence(0, 9),
        Sentence(10, 20),
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n \t"])
def test_blank_text_has_no_sentence(text: str) -> None:
    assert split(text) == []


def test_blank_line_ends_a_sentence_and_a_folded_line_does_not() -> None:
    assert split("A heading\n\nThe text is\nfolded here. It ends.") == [
        "A heading",
        "The text is\nfolded here.",
        "It ends.",
    ]


WORDS = ["The", "of", "E", "vs", "et al", "0", ".05", "i.v", "1", "No", "Fig", "p53", "β", "=", "😀", "U.S"]
MARKS = ["(", ")", '"', "‘", "[", "]", ".", ". ", "? ", "! ", "…", " ", "\n", "\n\n", "\u00a0"]
PIECES = st.sampled_from(WORDS + MARKS)


@given(st.lists(st.lists(PIECES, max_size=30).map("".join), max_size=4))
def test_sentences_cover_every_section_exactly(parts: list[str]) -> None:
    text = "\n".join(parts)
    sections = []
    start = 0
    for part in parts:
        sections.append(Section("x", start, start + len(part)))
        start += len(part) + 1
    sentences = split_sentences(text, sections)
    covered = [index for sentence in sentences for index in range(sentence.start, sentence.end)]
    assert covered == sorted(set(covered))
    assert {i for i in range(len(text)) if not text[i].isspace()} <= set(covered)
    for sentence in sentences:
        assert text[sentence.start : sentence.end].strip() == text[sentence.start : sentence.end] != ""
        assert any(section.start <= sentence.start and sentence.end <= section.end for section in sections)


@pytest.mark.parametrize("piece", ["(a. B ", "vs. ", "A. ", ". . ", "x" * 50 + ". y ", '"( ', "1. ", ". ((("])
def test_time_grows_with_the_length_only(piece: str) -> None:
    def seconds(n_characters: int) -> float:
        text = piece * (n_characters // len(piece))
        begin = time.process_time()
        split_sentences(text, [Section("x", 0, len(text))])
        return time.process_time() - begin

    seconds(10_000)
    assert seconds(400_000) < 60 * max(seconds(40_000), 0.005)  # quadratic time would be 100-fold
