"""Responsible for how far two models say the same, and how sure an F1 is. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from extract.score import SpanLike

RESAMPLES = 2000

_CELLS = 4_000_000
"""Draws times documents that are held in memory at once."""

Floats = npt.NDArray[np.float64]
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


def bootstrap_f1(counts: Counts, groups: Sequence[Hashable] | None = None, *, seed: int = 0) -> Interval:
    """How far F1 would scatter over other text like this: it is drawn anew many times.

    :param groups: which document each sentence is of; documents are drawn whole, because sentences of one
        resemble each other. None: each sentence is drawn by itself.
    """
    return _interval(np.concatenate([_f1(draw[:, 0]) for draw in _draws([counts], groups, seed)]))


def bootstrap_difference(
    mine: Counts, reference: Counts, groups: Sequence[Hashable] | None = None, *, seed: int = 0
) -> Interval:
    """How far the difference of two models' F1, mine less the reference's, would scatter over other text.

    The draws are paired: both models are scored on the same ones, so that what is hard for both does not
    count as a difference. An interval that holds 0 says that this text cannot tell the two apart.

    :param groups: as of :func:`bootstrap_f1`.
    """
    parts = [_f1(draw[:, 0]) - _f1(draw[:, 1]) for draw in _draws([mine, reference], groups, seed)]
    return _interval(np.concatenate(parts))


def _draws(models: Sequence[Counts], groups: Sequence[Hashable] | None, seed: int) -> Iterator[Counts]:
    """Sums of counts over each draw, some draws at a time. *Shape of one:* ``(draws, models, 3)``"""
    counts = np.stack(models, axis=1)
    if groups is not None:
        numbers = {name: number for number, name in enumerate(dict.fromkeys(groups))}
        summed = np.zeros((len(numbers), *counts.shape[1:]), np.int64)
        np.add.at(summed, [numbers[name] for name in groups], counts)
        counts = summed
    n = len(counts)
    rng = np.random.default_rng(seed)
    at_once = max(1, _CELLS // n)
    for first in range(0, RESAMPLES, at_once):
        drawn = min(at_once, RESAMPLES - first)
        weights = rng.multinomial(n, np.full(n, 1 / n), size=drawn)
        yield (weights @ counts.reshape(n, -1)).reshape(drawn, *counts.shape[1:])


def _f1(sums: Counts) -> Floats:
    """*Shape:* ``(draws, 3)`` to ``(draws,)``"""
    right, found, annotated = sums.T
    scores: Floats = np.where(found + annotated > 0, 2 * right / np.maximum(found + annotated, 1), 1.0)
    return scores


def _interval(values: Floats) -> Interval:
    low, high = np.quantile(values, (0.025, 0.975)).tolist()
    return Interval(low, high)


def _keys(spans: Iterable[SpanLike]) -> set[tuple[int, int, str]]:
    return {(span.start, span.end, span.label) for span in spans}
