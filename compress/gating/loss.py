"""Responsible for measuring what a gate loses and what it passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from compress.gating.judged import Judged, iter_judged_texts
from compress.gating.text import Document
from extract.annotations import AnnotatedSentence
from extract.gate import Gate
from extract.gate_audit import upper_bound
from extract.tagger import Tagger

CONFIDENCE = 0.95
Fit = Callable[[Sequence[AnnotatedSentence], Sequence[Document]], Gate]


@dataclass(frozen=True, slots=True)
class Loss:
    """Entities that a gate would keep from the model."""

    entities: int
    lost: int
    examples: tuple[str, ...] = ()
    """Sentences that hold lost ones, a few."""

    @property
    def upper(self) -> float:
        """95 % upper bound of the share lost (Clopper-Pearson, one-sided)."""
        return upper_bound(self.lost, self.entities, confidence=CONFIDENCE) if self.entities else 1.0

    def __add__(self, other: Loss) -> Loss:
        return Loss(self.entities + other.entities, self.lost + other.lost, (*self.examples, *other.examples))

    def to_dict(self) -> dict[str, Any]:
        """As ``gate.json`` tells it."""
        share = self.lost / self.entities if self.entities else None
        return {
            "entities": self.entities,
            "lost": self.lost,
            "share": None if share is None else round(share, 6),
            "upper_95": round(self.upper, 6),
        }


def loss_on(gate: Gate, sentences: Iterable[AnnotatedSentence]) -> Loss:
    """What the sentence level loses on labelled sentences."""
    return _count([(sentence.text, len(sentence.entities), None) for sentence in sentences], gate)


def cross_validate(
    sentences: Sequence[AnnotatedSentence],
    documents: Sequence[Document],
    judged: Sequence[Judged],
    fit: Fit,
    *,
    n_folds: int = 5,
) -> dict[str, Loss]:
    """What gates of the same making lose on documents that they were not made from, both levels together.

    :param fit: makes a gate of labelled sentences and documents.
    :returns: the loss of labelled entities (``cross_validation``), of those in articles that are at hand as a
        whole (``articles``), of true finds in unlabelled sentences of such (``judged``), of both together
        (``whole``), and of all finds read there, true or not (``judged_raw``).
    """
    ids = sorted({sentence.doc for sentence in sentences} | {document.id for document in documents})
    fold = {doc: number % n_folds for number, doc in enumerate(ids)}
    heads = {document.id: document.head for document in documents}
    read = list(iter_judged_texts(documents, judged))
    total = dict.fromkeys(("cross_validation", "articles", "judged", "judged_raw"), Loss(0, 0))
    for number in range(n_folds):
        gate = fit(
            [sentence for sentence in sentences if fold[sentence.doc] != number],
            [document for document in documents if fold[document.id] != number],
        )
        held = [sentence for sentence in sentences if fold[sentence.doc] == number]
        mine = [row for row in read if fold[row[0].id] == number]
        rows = [(s.text, len(s.entities), heads.get(s.doc)) for s in held]
        total["cross_validation"] += _count(rows, gate)
        total["articles"] += _count([row for row in rows if row[2] is not None], gate)
        total["judged"] += _count([(text, row.n_true, doc.head) for doc, text, row in mine], gate)
        total["judged_raw"] += _count(
            [(text, row.n_true + row.n_false, d.head) for d, text, row in mine], gate
        )
    return {**total, "whole": total["articles"] + total["judged"]}


def pass_rate(gate: Gate, sentences: Iterable[str]) -> float:
    """Share of sentences that go to the model."""
    verdicts = [gate.passes(sentence) for sentence in sentences]
    return sum(verdicts) / len(verdicts) if verdicts else 0.0


def loss_on_text(gate: Gate, tagger: Tagger, sentences: Sequence[str]) -> Loss:
    """What the sentence level loses of the entities that the model finds in unlabelled sentences."""
    mentions = tagger.tag(sentences).mentions
    return _count([(text, len(found), None) for text, found in zip(sentences, mentions, strict=True)], gate)


def take_sentences(documents: Iterable[Document], n_sentences: int) -> list[str]:
    """Sentences of whole documents, the first ones, until there are as many."""
    taken: list[str] = []
    for document in documents:
        if len(taken) >= n_sentences:
            break
        taken += document.sentences
    return taken


def _count(rows: Iterable[tuple[str, int, str | None]], gate: Gate) -> Loss:
    """Of rows of a sentence, its number of entities, and what a citation of its document would show."""
    entities = lost = 0
    examples: list[str] = []
    for text, n_entities, head in rows:
        entities += n_entities
        if n_entities and not ((head is None or gate.holds_text(head)) and gate.passes(text)):
            lost += n_entities
            examples.append(text)
    return Loss(entities, lost, tuple(examples))
