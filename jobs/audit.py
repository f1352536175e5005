"""Responsible for a shard's look at what its gate drops: a sample is tagged, counted and forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import compress

from extract.gate import Verdict
from extract.gate_audit import LEVELS, draw_sample
from extract.records import Citation, Field, Mention, Sentence
from jobs.model import SentenceTagger


class GateAudit:
    """Counts by level of the gate: ``citation_dropped``, ``citation_audited``, ``sentence_hits``, ..."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._texts: dict[str, list[str]] = {level: [] for level in LEVELS}

    def note(
        self,
        citation: Citation,
        sentences: Sequence[tuple[Field, Sentence]],
        verdict: Verdict,
        share: float,
    ) -> None:
        """Count what the gate dropped of a citation, and draw the sample."""
        dropped = list(compress(sentences, (not kept for kept in verdict.keep)))
        level = "sentence" if verdict.in_domain else "citation"
        self.counts[f"{level}_dropped"] += len(dropped)
        self._texts[level] += draw_sample(citation, dropped, share)

    def tag(self, tagger: SentenceTagger) -> None:
        """Tag the sample."""
        for level, texts in self._texts.items():
            mentions = _tag(tagger, texts)
            self.counts[f"{level}_audited"] += len(mentions)
            self.counts[f"{level}_hits"] += sum(map(bool, mentions))
            self.counts[f"{level}_entities"] += sum(map(len, mentions))


def _tag(tagger: SentenceTagger, texts: list[str]) -> list[tuple[Mention, ...]]:
    """What the model finds. A sentence it fails on is left out: nobody asked for it to be tagged."""
    try:
        return tagger.tag(texts).mentions if texts else []
    except Exception:  # as with any sentence: told apart by halving
        if len(texts) == 1:
            return []
    half = len(texts) // 2
    return _tag(tagger, texts[:half]) + _tag(tagger, texts[half:])
