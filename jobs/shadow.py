"""Responsible for a shard's second opinion: a sample of what it tagged also goes through another model.

The other model is mostly the dense parent of the run's own. What it says is counted and changes nothing;
whatever goes wrong with it is told, and changes nothing either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

from extract.errors import ExtractError
from extract.evidence import Drawn, draw_sample
from extract.records import Citation, Field, Mention, Sentence
from extract.shadow import Shadow, compare_answers
from jobs.audit import tag_leniently
from jobs.model import ModelSource, SentenceTagger


class ShadowSample:
    """Tagged sentences of a shard that the other model is asked about."""

    def __init__(self, source: ModelSource | None, share: float) -> None:
        self._source = source
        self._share = share
        self._drawn: list[tuple[Drawn, tuple[Mention, ...]]] = []

    def note(
        self,
        citation: Citation,
        sentences: Sequence[tuple[Field, Sentence]],
        mentions: Sequence[tuple[Mention, ...]],
    ) -> None:
        """Draw from the tagged sentences of a citation."""
        if self._source is None:
            return
        drawn = draw_sample(citation, sentences, self._share)
        if drawn:
            answers = {
                (part.name, sentence.start): found
                for (part, sentence), found in zip(sentences, mentions, strict=True)
            }
            self._drawn += [(entry, answers[entry.field, entry.start]) for entry in drawn]

    def compare(self) -> Shadow | None:
        """Ask the other model; None without one."""
        if self._source is None:
            return None
        name, sha256 = self._source.name, self._source.sha256
        if not self._drawn:
            return Shadow(name, sha256)
        started = time.process_time()
        tagger = _open_shadow(self._source)
        if isinstance(tagger, str):
            return Shadow(name, sha256, problem=tagger)
        answers = tag_leniently(tagger, [drawn.text for drawn, _ in self._drawn])
        seen = compare_answers(
            name,
            sha256,
            (
                (drawn, mine, theirs)
                for (drawn, mine), theirs in zip(self._drawn, answers, strict=True)
                if theirs is not None
            ),
        )
        problem = "it failed on some sentences" if None in answers else ""
        return replace(seen, cpu_seconds=time.process_time() - started, problem=problem)


_OPENED: dict[str, SentenceTagger | str] = {}
_LOCK = threading.Lock()


def _open_shadow(source: ModelSource) -> SentenceTagger | str:
    """The other model, opened when the first sentence is drawn and kept; else why it cannot be."""
    with _LOCK:
        if source.sha256 not in _OPENED:
            _OPENED.clear()
            try:
                _OPENED[source.sha256] = source.open().tagger
            except ExtractError as error:
                _OPENED[source.sha256] = error.what
        return _OPENED[source.sha256]
