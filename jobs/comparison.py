"""Responsible for comparing models on the same annotated sentences, in one run, round by round.

Every model works in a process of its own, one at a time, in alternation (A B A B ...); what is told of the
times are medians.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from extract.agreement import bootstrap_difference, bootstrap_f1, count_matches, f1_of
from extract.annotations import AnnotatedSentence
from extract.score import score_mentions
from jobs.batch_order import BatchOrder, order_batches, pace_of
from jobs.comparison_row import Row
from jobs.contestant import Answers, Contestant
from jobs.entrant import Entrant, find_reference, settle_entrants
from jobs.errors import JobError
from jobs.opening import Opening, measure_openings

REPEATS = 5
SINGLE_SENTENCES = 100
"""Sentences whose latency is measured each round, evenly spread over the data."""

Report = Callable[[str], None]


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
    n_documents: int
    """That the sentences are from; as many as sentences where the data names none."""

    def to_dict(self) -> dict[str, Any]:
        reference = self.rows[self.reference]
        return {
            "sentences": reference.n_sentences,
            "entities": self.n_entities,
            "documents": self.n_documents,
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
    reference = find_reference(entrants)
    texts = [sentence.text for sentence in sentences]
    order, measured = _measure(entrants, texts, reference, repeats, report)
    openings = measure_openings(
        [entrant.source for entrant in entrants], _spread(texts), repeats=repeats, report=report
    )
    rows = tuple(
        _row(entrant, sentences, order, mine, measured[reference], opening)
        for entrant, mine, opening in zip(entrants, measured, openings, strict=True)
    )
    n_entities = sum(len(sentence.entities) for sentence in sentences)
    n_documents = len({sentence.doc for sentence in sentences})
    return Comparison(rows, reference, repeats, n_entities, n_documents)


@dataclass
class _Measured:
    """One model's answers, and seconds round by round."""

    answers: Answers
    together: list[float] = field(default_factory=list)
    singly: list[float] = field(default_factory=list)
    natural: list[list[float]] = field(default_factory=list)
    by_length: list[list[float]] = field(default_factory=list)
    peak_rss_bytes: int = 0


def _measure(
    entrants: Sequence[Entrant], texts: Sequence[str], reference: int, repeats: int, report: Report
) -> tuple[BatchOrder, list[_Measured]]:
    """All rounds of all models, and the batches that they were timed on."""
    with ExitStack() as stack:
        contestants = [stack.enter_context(Contestant(entrant.source)) for entrant in entrants]
        measured = []
        for entrant, contestant in zip(entrants, contestants, strict=True):
            report(f"{entrant.name}: opening, tagging {len(texts):,} sentences")
            measured.append(_Measured(contestant.answer(texts)))
        order = order_batches(measured[reference].answers.lengths)
        for number in range(repeats):
            report(f"round {number + 1} of {repeats}")
            for contestant, mine in zip(contestants, measured, strict=True):
                _time(contestant, mine, texts, order)
        for contestant, mine in zip(contestants, measured, strict=True):
            mine.peak_rss_bytes = contestant.peak_rss_bytes()
    return order, measured


def _time(contestant: Contestant, measured: _Measured, texts: Sequence[str], order: BatchOrder) -> None:
    """One round of one model."""
    measured.together.append(contestant.time_together(texts))
    measured.singly += contestant.time_batches([[text] for text in _spread(texts)])
    for batches, seconds in ((order.natural, measured.natural), (order.by_length, measured.by_length)):
        seconds.append(contestant.time_batches([[texts[number] for number in batch] for batch in batches]))


def _row(
    entrant: Entrant,
    sentences: Sequence[AnnotatedSentence],
    order: BatchOrder,
    mine: _Measured,
    reference: _Measured,
    opening: Opening,
) -> Row:
    gold = [sentence.entities for sentence in sentences]
    documents = [sentence.doc for sentence in sentences]
    counts = count_matches(gold, mine.answers.mentions)
    others = count_matches(gold, reference.answers.mentions)
    lengths = mine.answers.lengths
    return Row(
        model=entrant.name,
        sha256=entrant.source.sha256,
        scores=score_mentions(sentences, mine.answers.mentions),
        interval=bootstrap_f1(counts, documents),
        difference=bootstrap_difference(counts, others, documents),
        together=tuple(mine.together),
        singly=tuple(mine.singly),
        natural=pace_of(order.natural, mine.natural, lengths),
        by_length=pace_of(order.by_length, mine.by_length, lengths),
        opening=opening,
        n_sentences=len(sentences),
        n_tokens=mine.answers.n_tokens,
        n_bytes=entrant.n_bytes,
        peak_rss_bytes=mine.peak_rss_bytes,
        agreement=f1_of(count_matches(reference.answers.mentions, mine.answers.mentions)),
        heads_per_layer=entrant.heads_per_layer,
        neurons_per_layer=entrant.neurons_per_layer,
    )


def _spread(texts: Sequence[str]) -> list[str]:
    """Some of the texts, evenly spread."""
    wanted = min(len(texts), SINGLE_SENTENCES)
    return [texts[number * len(texts) // wanted] for number in range(wanted)]
