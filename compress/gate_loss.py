"""Responsible for measuring what a gate loses and what it passes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from compress.gate_terms import fit_triggers
from compress.gate_text import Document
from extract.annotations import AnnotatedSentence
from extract.gate import Gate, GateTerms
from extract.gate_audit import upper_bound
from extract.tagger import Tagger

CONFIDENCE = 0.95


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
    return _count((sentence.text, len(sentence.entities), gate) for sentence in sentences)


def cross_validate(
    sentences: Sequence[AnnotatedSentence], background: Sequence[str], *, n_folds: int = 5
) -> Loss:
    """What the sentence level loses on documents that its triggers were not learned from."""
    docs = sorted({sentence.doc for sentence in sentences})
    fold = {doc: number % n_folds for number, doc in enumerate(docs)}
    total = Loss(0, 0)
    for number in range(n_folds):
        rest = [sentence for sentence in sentences if fold[sentence.doc] != number]
        gate = Gate(GateTerms(None, fit_triggers(rest, background), 0.0))
        total += loss_on(gate, (sentence for sentence in sentences if fold[sentence.doc] == number))
    return total


def pass_rate(gate: Gate, sentences: Iterable[str]) -> float:
    """Share of sentences that go to the model."""
    verdicts = [gate.passes(sentence) for sentence in sentences]
    return sum(verdicts) / len(verdicts) if verdicts else 0.0


def loss_on_text(gate: Gate, tagger: Tagger, sentences: Sequence[str]) -> Loss:
    """What the sentence level loses of the entities that the model finds in unlabelled sentences."""
    mentions = tagger.tag(sentences).mentions
    return _count(
        (sentence, len(found), gate) for sentence, found in zip(sentences, mentions, strict=True) if found
    )


def take_sentences(documents: Iterable[Document], n_sentences: int) -> list[str]:
    """Sentences of whole documents, the first ones, until there are as many."""
    taken: list[str] = []
    for document in documents:
        if len(taken) >= n_sentences:
            break
        taken += document.sentences
    return taken


def _count(rows: Iterable[tuple[str, int, Gate]]) -> Loss:
    entities = lost = 0
    examples: list[str] = []
    for text, n_entities, gate in rows:
        entities += n_entities
        if n_entities and not gate.passes(text):
            lost += n_entities
            examples.append(text)
    return Loss(entities, lost, tuple(examples))
