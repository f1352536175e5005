"""Responsible for how fast a model is beside its dense one: rounds in which both take turns.

A machine that is slower for a while then slows both, and the ratio of a round stands. One thread, tokenising
and decoding included.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from extract.tagger import Tagger

ROUNDS = 5
SENTENCES = 300
"""Most sentences of a round, evenly spread over the data."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What the rounds came to."""

    tokens_per_second: float
    """Median of the rounds."""
    best: float
    """Of the quickest round."""
    relative: float
    """Median over the rounds of the pace to the dense model's in the same round."""


class Race:
    """The dense model, against which others are timed."""

    def __init__(self, dense: Tagger, sentences: Sequence[str], *, rounds: int = ROUNDS) -> None:
        self._dense = dense
        wanted = min(len(sentences), SENTENCES)
        self._sentences = [sentences[number * len(sentences) // wanted] for number in range(wanted)]
        self._rounds = rounds

    def time(self, tagger: Tagger) -> Pace:
        """The pace of a model, the dense one itself included."""
        mine, theirs = [], []
        for _ in range(self._rounds):
            theirs.append(_tokens_per_second(self._dense, self._sentences))
            same = tagger is self._dense
            mine.append(theirs[-1] if same else _tokens_per_second(tagger, self._sentences))
        ratios = [own / dense for own, dense in zip(mine, theirs, strict=True)]
        return Pace(statistics.median(mine), max(mine), statistics.median(ratios))


def _tokens_per_second(tagger: Tagger, sentences: Sequence[str]) -> float:
    started = time.perf_counter()
    tagged = tagger.tag(sentences)
    return float(tagged.n_tokens.sum()) / (time.perf_counter() - started)
