"""Responsible for chance that comes out the same everywhere.

Only :meth:`random.Random.random` is used: the other methods of the standard library have changed
between Python versions, and the sample must be the same bytes under each of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A seeded source of choices."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def chance(self, share: float) -> bool:
        """True in ``share`` of all calls."""
        return self._random.random() < share

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._random.random()

    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both possible."""
        return low + int(self._random.random() * (high - low + 1))

    def one(self, items: Sequence[T]) -> T:
        return items[int(self._random.random() * len(items))]

    def several(self, items: Sequence[T], count: int) -> list[T]:
        """``count`` different items, in the order in which they were drawn."""
        left = list(items)
        return [left.pop(int(self._random.random() * len(left))) for _ in range(min(count, len(left)))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        return self.several(items, len(items))
