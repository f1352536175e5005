"""Responsible for a shard's look at what its gate drops: a sample is tagged and counted, and not written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import compress

from extract.evidence import Drawn, Evidence, describe, draw_sample, example_of, fewest
from extract.gate import Verdict
from extract.gate_audit import LEVELS
from extract.records import Citation, Field, Mention, Sentence
from jobs.model import SentenceTagger


class GateAudit:
    """Counts by level of the gate: ``citation_dropped``, ``citation_audited``, ``sentence_hits``, ..."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.evidence: dict[str, Evidence] = {}
        """What was found, by level; a level without finds is absent."""
        self._drawn: dict[str, list[Drawn]] = {level: [] for level in LEVELS}

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
        self._drawn[level] += draw_sample(citation, dropped, share)

    def tag(self, tagger: SentenceTagger) -> None:
        """Tag the sample."""
        for level, drawn in self._drawn.items():
            answers = tag_leniently(tagger, [sentence.text for sentence in drawn])
            told = [mentions for mentions in answers if mentions is not None]
            self.counts[f"{level}_audited"] += len(told)
            self.counts[f"{level}_hits"] += sum(map(bool, told))
            self.counts[f"{level}_entities"] += sum(map(len, told))
            hits = [pair for pair in zip(drawn, answers, strict=True) if pair[1]]
            if hits:
                labels = Counter(mention.label for mentions in told for mention in mentions)
                examples = (
                    example_of(sentence, (describe(sentence, mention) for mention in mentions or ()))
                    for sentence, mentions in hits
                )
                self.evidence[level] = Evidence(dict(sorted(labels.items())), fewest(examples))


def tag_leniently(tagger: SentenceTagger, texts: list[str]) -> list[tuple[Mention, ...] | None]:
    """What the model finds; None for a sentence it fails on: nobody asked for it to be tagged."""
    try:
        return list(tagger.tag(texts).mentions) if texts else []
    except Exception:  # as with any sentence: told apart by halving
        if len(texts) == 1:
            return [None]
    half = len(texts) // 2
    return tag_leniently(tagger, texts[:half]) + tag_leniently(tagger, texts[half:])
