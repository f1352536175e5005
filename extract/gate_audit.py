"""Responsible for looking after the gate in a run: a random sample of what it drops, and what that tells.

The sample is drawn by :func:`extract.evidence.draw_sample`. Its entities are counted and never written
to the tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LEVELS = ("citation", "sentence")
"""What a sentence was dropped by: its citation is not of the domain, or the sentence has no trigger."""
TELLING = 1000
"""Audited sentences below which a bound says nothing but that they are few."""
WRITTEN = "written"
"""Key of the entities that were found in what the gate let pass; those carried over are no part of it."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the sample shows of a level, or of both together."""

    dropped: int
    """Sentences dropped."""
    audited: int
    """Sentences of these that were tagged all the same."""
    hits: int
    """Sentences of these in which the model found something."""
    entities: int
    loss: float | None
    """Share of all entities, those written included, that were dropped, as estimated; 0 to 1.
    None where nothing was audited or nothing can be said."""
    loss_upper: float | None
    """Its 95 % upper bound."""

    @classmethod
    def of(cls, counts: Mapping[str, int], *levels: str, n_entities: int) -> Observed:
        """Of a run's audit counts, keyed ``citation_dropped``, ``sentence_hits``, ...

        :param levels: which levels of the gate, taken together: all are sampled at the same rate.
        :param n_entities: entities written, where the counts do not say (:data:`WRITTEN`).
        """
        n_entities = counts.get(WRITTEN, n_entities)
        dropped, audited, hits, entities = (
            sum(counts.get(f"{level}_{name}", 0) for level in levels)
            for name in ("dropped", "audited", "hits", "entities")
        )
        per_hit = entities / hits if hits else 1.0

        def share(rate: float) -> float | None:
            lost = rate * dropped * per_hit
            return lost / (lost + n_entities) if lost + n_entities else None

        if not audited:
            return cls(dropped, audited, hits, entities, None, None)
        return cls(dropped, audited, hits, entities, share(hits / audited), share(upper_bound(hits, audited)))


def upper_bound(n_events: int, n_trials: int, *, confidence: float = 0.95) -> float:
    """One-sided Clopper-Pearson upper bound of a share.

    It is the share at which as few events as were seen, or fewer, have the probability ``1 - confidence``
    (Clopper and Pearson 1934, https://doi.org/10.1093/biomet/26.4.404).
    """
    if n_events >= n_trials:
        return 1.0
    return _bisect(lambda share: _at_most(n_events, n_trials, share) > 1 - confidence)


def _bisect(holds: Callable[[float], bool]) -> float:
    """Where a condition that holds for small shares ceases to hold."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high


def _at_most(n_events: int, n_trials: int, share: float) -> float:
    """Probability of at most so many events, binomial."""
    whole = math.lgamma(n_trials + 1)
    return sum(
        math.exp(
            whole
            - math.lgamma(k + 1)
            - math.lgamma(n_trials - k + 1)
            + k * math.log(share)
            + (n_trials - k) * math.log1p(-share)
        )
        for k in range(n_events + 1)
    )
