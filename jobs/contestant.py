"""Responsible for one model in a process of its own, which tags when asked and is measured while it does.

The process opens nothing but its model, so its memory is the model's. Processes of several models wait
while one works: their rounds alternate, and a machine that grows slower slows all of them.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from extract.memory import MemorySplit, read_memory
from extract.records import Mention
from jobs.errors import JobError
from jobs.model import ModelSource, require_model
from jobs.process import peak_rss_bytes

Result = TypeVar("Result")


@dataclass(frozen=True)
class Answers:
    """What a model said to all sentences."""

    mentions: list[tuple[Mention, ...]]
    lengths: list[int]
    """Tokens of each sentence, special tokens left out."""

    @property
    def n_tokens(self) -> int:
        return sum(self.lengths)


class Contestant:
    """A model in its own process; use as a context manager."""

    def __init__(self, source: ModelSource) -> None:
        self._source = source
        # Spawned: the memory of a forked process would hold all that this one has loaded.
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def __enter__(self) -> Contestant:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def open(self) -> float:
        """Seconds from no process at all to a model that is ready to answer; to be called first, and once.

        :raises ExtractError: when the model cannot be opened, or its process dies.
        """
        started = time.monotonic()
        return self._ask(_open, self._source) - started

    def answer(self, sentences: Sequence[str]) -> Answers:
        """Tag all sentences, untimed: opens the model and warms up.

        :raises ExtractError: when the model cannot be opened, fails, or its process dies.
        """
        return self._ask(_answer, self._source, sentences)

    def time_together(self, sentences: Sequence[str]) -> float:
        """Seconds to tag all sentences in one call."""
        return self._ask(_time_together, self._source, sentences)

    def time_batches(self, batches: Sequence[Sequence[str]]) -> list[float]:
        """Seconds for each batch of sentences, in a call of its own."""
        return self._ask(_time_each, self._source, batches)

    def memory(self) -> MemorySplit | None:
        """What the process has now; None where the kernel does not tell."""
        return self._ask(read_memory)

    def peak_rss_bytes(self) -> int:
        """Largest resident memory of the process so far."""
        return self._ask(peak_rss_bytes)

    def _ask(self, function: Callable[..., Result], *arguments: Any) -> Result:
        try:
            return self._pool.submit(function, *arguments).result()
        except BrokenProcessPool as exc:
            raise JobError(
                "the process of a model died", self._source.name, advice="is there enough memory?"
            ) from exc


def _answer(source: ModelSource, sentences: Sequence[str]) -> Answers:
    tagged = require_model(source).tagger.tag(sentences)
    return Answers(tagged.mentions, tagged.n_tokens.tolist())


def _open(source: ModelSource) -> float:
    """When the model was ready, by the clock that all processes of a machine share."""
    require_model(source)
    return time.monotonic()


def _time_together(source: ModelSource, sentences: Sequence[str]) -> float:
    tagger = require_model(source).tagger
    started = time.perf_counter()
    tagger.tag(sentences)
    return time.perf_counter() - started


def _time_each(source: ModelSource, batches: Sequence[Sequence[str]]) -> list[float]:
    tagger = require_model(source).tagger
    seconds = []
    for batch in batches:
        started = time.perf_counter()
        tagger.tag(batch)
        seconds.append(time.perf_counter() - started)
    return seconds
