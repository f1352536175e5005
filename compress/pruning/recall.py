"""Responsible for not measuring the dense model twice: what it said for one share serves the next.

Importance of the dense model's units depends on the sentences and the seed, not on how much is to go. A sweep
over shares measures it once a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from compress.encoder import TokenClassifier
from compress.features import Window

Result = TypeVar("Result")


class Recall:
    """The last measurement of each kind on one dense model, which must not change meanwhile."""

    def __init__(self, dense: TokenClassifier) -> None:
        self._dense = dense
        self._last: dict[str, tuple[Hashable, Any]] = {}

    def get(
        self,
        kind: str,
        model: TokenClassifier,
        windows: Sequence[Window],
        seed: int,
        measure: Callable[[], Result],
    ) -> Result:
        """What ``measure`` gives, or gave for the same sentences and seed; of other models always anew."""
        if model is not self._dense:
            return measure()
        key = seed, tuple(map(id, windows))
        last = self._last.get(kind)
        if last is None or last[0] != key:
            last = key, measure()
            self._last[kind] = last
        found: Result = last[1]
        return found
