"""Responsible for whether a variant is good enough to take its dense model's place.

Scores on the same held-out sentences are compared: F1 over all, recall of each frequent label, how many of
the entities that are numbers were found exactly. A variant that falls further than the margins is
built all the same, but marked, and a run refuses it unless told otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from extract.annotations import AnnotatedSentence
from extract.score import Scores, SpanLike, score_mentions
from extract.tagger import Tagger


@dataclass(frozen=True, slots=True)
class Margins:
    """How far a variant may fall below its dense model."""

    f1: float = 0.006
    """Of strict F1 over all entities: what the published method lost at a quarter of the MACs."""
    recall: float = 0.03
    """Of each frequent label's recall."""
    numbers: float = 0.006
    """Of the share of entities that are numbers that is found exactly."""
    frequent: int = 50
    """Annotated entities from which a label counts as frequent."""
    least: int = 2
    """Entities that a fall must be worth at least: on few sentences one decides nothing."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a model did on the held-out sentences."""

    scores: Scores
    numbers: float
    """Share of the annotated entities that are numbers, with or without unit, that were found with exact
    bounds and label, 0 to 1."""
    n_numbers: int
    """How many of them there are."""


def examine(tagger: Tagger, sentences: Sequence[AnnotatedSentence]) -> Examined:
    """Ask a model about every sentence and score it."""
    found = tagger.tag([sentence.text for sentence in sentences]).mentions
    return Examined(score_mentions(sentences, found), *exact_numbers(sentences, found))


def exact_numbers(
    sentences: Sequence[AnnotatedSentence], found: Sequence[Sequence[SpanLike]]
) -> tuple[float, int]:
    """Share of the annotated numbers that were found exactly, 1 where there are none; and how many there are.

    Numbers are the entities of labels most of whose entities begin with a digit: "5-fluorouracil" is a name
    among names.
    """
    labels = _labels_of_numbers(sentences)
    wanted = hit = 0
    for sentence, spans in zip(sentences, found, strict=True):
        exact = {(span.start, span.end, span.label) for span in spans}
        for entity in sentence.entities:
            if entity.label in labels and _has_digit(sentence, entity):
                wanted += 1
                hit += (entity.start, entity.end, entity.label) in exact
    return (hit / wanted if wanted else 1.0), wanted


def _labels_of_numbers(sentences: Sequence[AnnotatedSentence]) -> set[str]:
    entities = Counter[str]()
    numbers = Counter[str]()
    for sentence in sentences:
        for entity in sentence.entities:
            entities[entity.label] += 1
            numbers[entity.label] += sentence.text[entity.start].isdigit()
    return {label for label, count in entities.items() if 2 * numbers[label] > count}


def _has_digit(sentence: AnnotatedSentence, entity: SpanLike) -> bool:
    return any(character.isdigit() for character in sentence.text[entity.start : entity.end])


def judge(dense: Examined, variant: Examined, margins: Margins = Margins()) -> dict[str, Any]:
    """The verdict as the manifest keeps it: whether it ``passed``, the ``failures`` in words, the margins."""
    n_entities = sum(row.support for row in dense.scores.per_label.values())
    falls = [
        ("F1", dense.scores.f1, variant.scores.f1, margins.f1, n_entities),
        ("exact numbers", dense.numbers, variant.numbers, margins.numbers, dense.n_numbers),
    ]
    for label, row in dense.scores.per_label.items():
        if row.support >= margins.frequent:
            kept = variant.scores.per_label.get(label)
            recall = kept.recall if kept else 0.0
            falls.append((f"recall of {label}", row.recall, recall, margins.recall, row.support))
    # Scores are told to four digits; a fall that rounds to the margin is within it.
    failures = [
        f"{what} {got:.4f}, dense {was:.4f}: more than {margin:g} lower"
        for what, was, got, margin, count in falls
        if round(was - got, 4) > margin and round((was - got) * count, 4) >= margins.least
    ]
    return {
        "passed": not failures,
        "failures": failures,
        "margins": asdict(margins),
        "exact_numbers": round(variant.numbers, 4),
        "exact_numbers_dense": round(dense.numbers, 4),
    }
