"""Measures ways to look for the gate's citation terms: one call a citation, lower-casing included.

    PYTHONPATH=. python benchmarks/bench_gate_engines.py BUNDLE FILE.xml.gz...

Engines that are not installed are left out: ``pip install pyahocorasick google-re2 hyperscan``.
"""

from __future__ import annotations

import importlib
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ahocorasick_rs import AhoCorasick
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

from benchmarks.bench_gate import read_citations
from extract.bundle import open_bundle
from extract.gate import open_gate

REPEATS = 3
Look = Callable[[str], object]


def engines(terms: Sequence[str]) -> dict[str, Callable[[], Look]]:
    """Makers of what looks for the terms in a text."""
    return {
        "in, term by term": lambda: _by_in(terms),
        "re, alternation": lambda: re.compile("|".join(map(re.escape, terms))).findall,
        "ahocorasick-rs": lambda: AhoCorasick(list(terms)).find_matches_as_strings,
        "ahocorasick-rs, overlapping": lambda: _by_rust(terms),
        "pyahocorasick": lambda: _by_pyahocorasick(terms),
        "google-re2 Set.Match": lambda: _by_re2(terms),
        "hyperscan": lambda: _by_hyperscan(terms),
    }


def _by_in(terms: Sequence[str]) -> Look:
    return lambda text: [term for term in terms if term in text]


def _by_rust(terms: Sequence[str]) -> Look:
    automaton = AhoCorasick(list(terms))
    return lambda text: set(automaton.find_matches_as_strings(text, overlapping=True))


def _by_pyahocorasick(terms: Sequence[str]) -> Look:
    automaton = importlib.import_module("ahocorasick").Automaton()
    for term in terms:
        automaton.add_word(term, term)
    automaton.make_automaton()
    return lambda text: {term for _, term in automaton.iter(text)}


def _by_re2(terms: Sequence[str]) -> Look:
    re2 = importlib.import_module("re2")
    found = re2.Set.SearchSet()
    for term in terms:
        found.Add(re2.escape(term))
    found.Compile()
    matched: Look = found.Match
    return matched


def _by_hyperscan(terms: Sequence[str]) -> Look:
    hyperscan = importlib.import_module("hyperscan")
    database = hyperscan.Database()
    flags = hyperscan.HS_FLAG_SINGLEMATCH
    patterns = [re.escape(term).encode() for term in terms]
    database.compile(expressions=patterns, ids=list(range(len(terms))), flags=[flags] * len(terms))

    def look(text: str) -> list[int]:
        found: list[int] = []
        database.scan(text.encode(), match_event_handler=lambda number, *_: found.append(number))
        return found

    return look


def microseconds(work: Callable[[], object], n_texts: int) -> float:
    """Least CPU time a text of some repeats."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) / n_texts * 1e6


def main() -> None:
    gate = open_gate(open_bundle(Path(sys.argv[1])))
    assert gate is not None
    assert gate.terms.domain is not None
    citations = read_citations([Path(name) for name in sys.argv[2:]])
    texts = ["\n".join([*(part.text for part in c.fields), *c.mesh]) for c in citations]
    terms = sorted({*gate.terms.domain.terms, *gate.terms.domain.needed})
    print(
        f"{len(terms)} terms, {len(texts)} citations, {sum(map(len, texts)) / len(texts):.0f} characters each"
    )
    for name, make in engines(terms).items():
        try:
            look = make()
        except ImportError:
            print(f"{name}: not installed")
            continue
        spent = microseconds(lambda look=look: [look(text.lower()) for text in texts], len(texts))
        print(f"{name}: {spent:.1f} us")
    words = CountVectorizer(vocabulary=terms, binary=True)
    hashes = HashingVectorizer(n_features=2**18, binary=True, norm=None)
    for name, vectorizer in (("CountVectorizer, words", words), ("HashingVectorizer, words", hashes)):
        spent = microseconds(lambda vectorizer=vectorizer: vectorizer.transform(texts), len(texts))
        print(f"{name}: {spent:.1f} us")


if __name__ == "__main__":
    main()
