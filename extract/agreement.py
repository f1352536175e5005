"""Responsible for how far two models say the same, and how sure an F1 is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from extract.score import SpanLike

RESAMPLES = 2000

Counts = npt.NDArray[np.int64]
"""Right, found and annotated entities of each sentence. *Shape:* ``(sentences, 3)``"""


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


def count_matches(gold: Sequence[Iterable[SpanLike]], found: Sequence[Iterable[SpanLike]]) -> Counts:
    """Entities of each sentence: those in both with the same bounds and label, found ones, annotated ones."""
    pairs = [(_keys(left), _keys(right)) for left, right in zip(gold, found, strict=True)]
    rows = [(len(left & right), len(right), len(left)) for left, right in pairs]
    return np.array(rows, np.int64).reshape(len(rows), 3)


def f1_of(counts: Counts) -> float:
    """F1 over all sentences, 0 to 1; 1 where neither side has an entity."""
    right, found, annotated = counts.sum(axis=0).tolist()
    return 2 * right / (found + annotated) if found + annotated else 1.0


def bootstrap_f1(counts: Counts, *, seed: int = 0) -> Interval:
    """How far F1 would scatter over other sentences like these: they are drawn anew many times."""
    n = len(counts)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    right, found, annotated = (weights @ counts).T
    scores = np.where(found + annotated > 0, 2 * right / np.maximum(found + annotated, 1), 1.0)
    low, high = np.quantile(scores, (0.025, 0.975)).tolist()
    return Interval(low, high)


def _keys(spans: Iterable[SpanLike]) -> set[tuple[int, int, str]]:
    return {(span.start, span.end, span.label) for span in spans}
