"""Responsible for batches of sixteen sentences, in the order of the file and by length.

The order of the file is how models of this kind are commonly timed: where an engine pads, a batch takes as
long as its longest sentence; where it does not, many lengths in a batch leave it little to do at once. By
length, both are at their best.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BATCH = 16
MOST_BATCHES = 100
"""Of a round; of more data, evenly spread stretches of a batch each are taken."""


@dataclass(frozen=True)
class BatchOrder:
    """Sentences in batches, by their numbers."""

    natural: tuple[tuple[int, ...], ...]
    """Neighbours of the file together."""
    by_length: tuple[tuple[int, ...], ...]
    """The same sentences, those of like length together."""


@dataclass(frozen=True, slots=True)
class BatchPace:
    """How fast batches went."""

    ms_p50: float
    """Milliseconds a sentence of the median batch."""
    ms_p95: float
    sentences_per_second: float
    """Of the median round."""
    tokens_per_second: float

    def to_dict(self, reference: BatchPace) -> dict[str, Any]:
        return {
            "ms_per_sentence_p50": round(self.ms_p50, 4),
            "ms_per_sentence_p95": round(self.ms_p95, 4),
            "sentences_per_second": round(self.sentences_per_second, 3),
            "tokens_per_second": round(self.tokens_per_second, 3),
            "speedup_vs_dense": round(self.sentences_per_second / reference.sentences_per_second, 4),
        }


def order_batches(lengths: Sequence[int]) -> BatchOrder:
    """Batches of sentences with so many tokens each."""
    stretches = [
        tuple(range(first, min(first + BATCH, len(lengths)))) for first in range(0, len(lengths), BATCH)
    ]
    wanted = min(len(stretches), MOST_BATCHES)
    natural = tuple(stretches[number * len(stretches) // wanted] for number in range(wanted))
    ranked = sorted((number for batch in natural for number in batch), key=lengths.__getitem__)
    return BatchOrder(natural, tuple(_cut(ranked)))


def _cut(numbers: Sequence[int]) -> Iterable[tuple[int, ...]]:
    return (tuple(numbers[first : first + BATCH]) for first in range(0, len(numbers), BATCH))


def pace_of(
    batches: Sequence[Sequence[int]], seconds: Sequence[Sequence[float]], lengths: Sequence[int]
) -> BatchPace:
    """The pace of batches that took so many ``seconds``, round by round."""
    sizes = np.array([len(batch) for batch in batches])
    times = np.array(seconds)
    per_sentence = times / sizes * 1000
    n_tokens = sum(lengths[number] for batch in batches for number in batch)
    seconds_a_round = float(np.median(times.sum(axis=1)))
    return BatchPace(
        ms_p50=float(np.quantile(per_sentence, 0.5)),
        ms_p95=float(np.quantile(per_sentence, 0.95)),
        sentences_per_second=int(sizes.sum()) / seconds_a_round,
        tokens_per_second=n_tokens / seconds_a_round,
    )
