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

from extract.records import Mention
from jobs.errors import JobError
from jobs.model import ModelSource, require_model
from jobs.process import peak_rss_bytes

Result = TypeVar("Result")


@dataclass(frozen=True)
class Answers:
    """What a model said to all sentences."""

    mentions: list[tuple[Mention, ...]]
    n_tokens: int
    """Special tokens left out."""


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

    def answer(self, sentences: Sequence[str]) -> Answers:
        """Tag all sentences, untimed: opens the model and warms up.

        :raises ExtractError: when the model cannot be opened, fails, or its process dies.
        """
        return self._ask(_answer, self._source, sentences)

    def time_together(self, sentences: Sequence[str]) -> float:
        """Seconds to tag all sentences in one call."""
        return self._ask(_time_together, self._source, sentences)

    def time_singly(self, sentences: Sequence[str]) -> list[float]:
        """Seconds for each sentence, in a call of its own."""
        return self._ask(_time_singly, self._source, sentences)

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
    return Answers(tagged.mentions, int(tagged.n_tokens.sum()))


def _time_together(source: ModelSource, sentences: Sequence[str]) -> float:
    tagger = require_model(source).tagger
    started = time.perf_counter()
    tagger.tag(sentences)
    return time.perf_counter() - started


def _time_singly(source: ModelSource, sentences: Sequence[str]) -> list[float]:
    tagger = require_model(source).tagger
    seconds = []
    for sentence in sentences:
        started = time.perf_counter()
        tagger.tag([sentence])
        seconds.append(time.perf_counter() - started)
    return seconds
