"""Responsible for what a model costs before and beside its work: time to open it, memory, a second worker.

Each opening is a process of its own from its very start. Memory is read while a second process has the same
model open, so that what both map counts as shared, as it does for the workers of one host.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from extract.memory import MemorySplit
from jobs.contestant import Contestant
from jobs.model import ModelSource


@dataclass(frozen=True)
class Opening:
    """What opening one model took."""

    rounds: tuple[float, ...]
    """Seconds from no process to a model ready to answer, round by round."""
    memory: MemorySplit | None
    """Of a worker beside a second one, after both have answered; None where the kernel does not tell."""
    second_worker_bytes: int | None
    """Memory that only the second has: what one worker more adds."""

    @property
    def seconds(self) -> float:
        return statistics.median(self.rounds)


def measure_openings(
    sources: Sequence[ModelSource],
    texts: Sequence[str],
    *,
    repeats: int,
    report: Callable[[str], None] = lambda line: None,
) -> list[Opening]:
    """Open each model several times, in alternation, and then twice at once.

    Files are in the page cache after the first time, and prepacked weights on the disk, as on a host that has
    worked with the model before.

    :param texts: what both processes answer before their memory is read.
    """
    rounds: list[list[float]] = [[] for _ in sources]
    for number in range(repeats):
        report(f"opening, round {number + 1} of {repeats}")
        for seconds, source in zip(rounds, sources, strict=True):
            with Contestant(source) as contestant:
                seconds.append(contestant.open())
    splits = [_measure_two(source, texts) for source in sources]
    return [
        Opening(tuple(seconds), first, None if second is None else second.private)
        for seconds, (first, second) in zip(rounds, splits, strict=True)
    ]


def _measure_two(source: ModelSource, texts: Sequence[str]) -> tuple[MemorySplit | None, MemorySplit | None]:
    """What the first and the second of two workers have."""
    with Contestant(source) as first, Contestant(source) as second:
        for contestant in (first, second):
            contestant.answer(texts)
        return first.memory(), second.memory()
