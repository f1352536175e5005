"""Responsible for comparing models on the same annotated sentences, in one run, round by round.

Every model works in a process of its own, one at a time, in alternation (A B A B ...); what is told of the
times are medians.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from extract.agreement import Interval, bootstrap_f1, count_matches, f1_of
from extract.annotations import AnnotatedSentence
from extract.score import Scores, score_mentions
from jobs.contestant import Answers, Contestant
from jobs.entrant import Entrant, find_reference, settle_entrants
from jobs.errors import JobError

REPEATS = 5
SINGLE_SENTENCES = 100
"""Sentences whose latency is measured each round, evenly spread over the data."""

Report = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """A model in the comparison."""

    model: str
    sha256: str
    scores: Scores
    interval: Interval
    """Of F1, by drawing the sentences anew."""
    together: tuple[float, ...]
    """Seconds for all sentences, round by round."""
    singly: tuple[float, ...]
    """Seconds of sentences that were tagged alone, of all rounds."""
    n_sentences: int
    n_tokens: int
    n_bytes: int
    peak_rss_bytes: int
    agreement: float
    """F1 of its entities against those of the reference, 0 to 1."""
    heads_per_layer: tuple[int, ...]
    """Attention heads left in each layer, bottom first."""
    neurons_per_layer: tuple[int, ...]
    """Feed-forward neurons left in each layer, bottom first."""

    @property
    def seconds(self) -> float:
        return statistics.median(self.together)

    def latency_ms(self, share: float) -> float:
        """Milliseconds within which this share of the sentences was tagged, each alone."""
        return float(np.quantile(self.singly, share)) * 1000

    def to_dict(self, reference: Row) -> dict[str, Any]:
        """The row by its contract names, and what else is known."""
        return {
            "model": self.model,
            "sha256": self.sha256,
            "precision": self.scores.precision,
            "recall": self.scores.recall,
            "f1": self.scores.f1,
            "f1_low": self.interval.low,
            "f1_high": self.interval.high,
            "latency_ms_p50": round(self.latency_ms(0.5), 4),
            "latency_ms_p95": round(self.latency_ms(0.95), 4),
            "sentences_per_second": round(self.n_sentences / self.seconds, 3),
            "tokens_per_second": round(self.n_tokens / self.seconds, 3),
            "bytes": self.n_bytes,
            "peak_rss_bytes": self.peak_rss_bytes,
            "agreement_with_dense": self.agreement,
            "speedup_vs_dense": round(reference.seconds / self.seconds, 4),
            "seconds": [round(seconds, 6) for seconds in self.together],
            "heads_per_layer": list(self.heads_per_layer),
            "neurons_per_layer": list(self.neurons_per_layer),
            "per_label": {label: asdict(score) for label, score in self.scores.per_label.items()},
        }


@dataclass(frozen=True)
class Comparison:
    """Models side by side."""

    rows: tuple[Row, ...]
    """In the order asked for."""
    reference: int
    """Which row the others are compared with."""
    repeats: int
    n_entities: int
    """Annotated entities in the data."""

    def to_dict(self) -> dict[str, Any]:
        reference = self.rows[self.reference]
        return {
            "sentences": reference.n_sentences,
            "entities": self.n_entities,
            "repeats": self.repeats,
            "reference": reference.model,
            "rows": [row.to_dict(reference) for row in self.rows],
        }


def compare_models(
    entrants: Sequence[Entrant],
    sentences: Sequence[AnnotatedSentence],
    *,
    repeats: int = REPEATS,
    report: Report = lambda line: None,
) -> Comparison:
    """Measure models on annotated sentences.

    :param report: told one line as each step begins.
    :raises JobError: when there is nothing to compare, labels differ, or a process dies.
    :raises ExtractError: when a model cannot be opened, or fails.
    """
    if not entrants or not sentences:
        raise JobError("nothing to compare", got=f"{len(entrants)} models, {len(sentences)} sentences")
    entrants = settle_entrants(entrants)
    texts = [sentence.text for sentence in sentences]
    together: list[list[float]] = [[] for _ in entrants]
    singly: list[list[float]] = [[] for _ in entrants]
    with ExitStack() as stack:
        contestants = [stack.enter_context(Contestant(entrant.source)) for entrant in entrants]
        answers = []
        for entrant, contestant in zip(entrants, contestants, strict=True):
            report(f"{entrant.name}: opening, tagging {len(texts):,} sentences")
            answers.append(contestant.answer(texts))
        for number in range(repeats):
            report(f"round {number + 1} of {repeats}")
            for index, contestant in enumerate(contestants):
                together[index].append(contestant.time_together(texts))
                singly[index] += contestant.time_singly(_spread(texts))
        memory = [contestant.peak_rss_bytes() for contestant in contestants]
    reference = find_reference(entrants)
    rows = tuple(
        _row(
            entrant,
            sentences,
            answers[index],
            answers[reference],
            together[index],
            singly[index],
            memory[index],
        )
        for index, entrant in enumerate(entrants)
    )
    return Comparison(rows, reference, repeats, sum(len(sentence.entities) for sentence in sentences))


def _row(
    entrant: Entrant,
    sentences: Sequence[AnnotatedSentence],
    mine: Answers,
    reference: Answers,
    together: Sequence[float],
    singly: Sequence[float],
    peak_rss_bytes: int,
) -> Row:
    return Row(
        model=entrant.name,
        sha256=entrant.source.sha256,
        scores=score_mentions(sentences, mine.mentions),
        interval=bootstrap_f1(count_matches([gold.entities for gold in sentences], mine.mentions)),
        together=tuple(together),
        singly=tuple(singly),
        n_sentences=len(sentences),
        n_tokens=mine.n_tokens,
        n_bytes=entrant.n_bytes,
        peak_rss_bytes=peak_rss_bytes,
        agreement=f1_of(count_matches(reference.mentions, mine.mentions)),
        heads_per_layer=entrant.heads_per_layer,
        neurons_per_layer=entrant.neurons_per_layer,
    )


def _spread(texts: Sequence[str]) -> list[str]:
    """Some of the texts, evenly spread."""
    wanted = min(len(texts), SINGLE_SENTENCES)
    return [texts[number * len(texts) // wanted] for number in range(wanted)]
