"""Responsible for scoring mentions against annotated sentences: seqeval's strict IOB2 micro averages.

An entity counts only with exact character bounds and label. seqeval compares tag sequences, so each text is
cut into pieces (words, punctuation marks) with a further cut at every bound of every span, gold and found:
then two spans have the same pieces exactly when they have the same characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from seqeval.metrics import accuracy_score, classification_report
from seqeval.scheme import IOB2

from extract.annotations import AnnotatedSentence
from extract.gate import Gate
from extract.records import Mention
from extract.tagger import Tagger

_PIECE = re.compile(r"\w+|[^\w\s]|\s+")


class SpanLike(Protocol):
    """Anything with half-open bounds and a label: a gold span or a mention."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def label(self) -> str: ...


@dataclass(frozen=True, slots=True)
class LabelScore:
    """Strict scores of one label, 0 to 1."""

    precision: float
    recall: float
    f1: float
    support: int
    """Annotated entities of this label."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Strict scores over all entities, 0 to 1."""

    sentences: int
    precision: float
    recall: float
    f1: float
    accuracy: float
    """Share of pieces (words, punctuation marks) with the right tag."""
    per_label: dict[str, LabelScore]

    def to_dict(self) -> dict[str, Any]:
        """As ``extract eval --json`` prints them."""
        return asdict(self)


def evaluate(tagger: Tagger, sentences: Sequence[AnnotatedSentence], *, gate: Gate | None = None) -> Scores:
    """Scores of a model on annotated sentences, run through the code that runs in production.

    :param gate: finds nothing in sentences that this one drops. Their citations are not known here.
    """
    return score_mentions(sentences, find_mentions_in(tagger, sentences, gate=gate))


def find_mentions_in(
    tagger: Tagger, sentences: Sequence[AnnotatedSentence], *, gate: Gate | None = None
) -> list[tuple[Mention, ...]]:
    """What a model finds in each sentence; nothing in those that the gate drops."""
    passing = [gate is None or gate.passes(sentence.text) for sentence in sentences]
    answers = iter(
        tagger.tag([gold.text for gold, kept in zip(sentences, passing, strict=True) if kept]).mentions
    )
    return [tuple(next(answers)) if kept else () for kept in passing]


def score_mentions(sentences: Sequence[AnnotatedSentence], found: Sequence[Sequence[SpanLike]]) -> Scores:
    """Scores of the mentions found in each sentence."""
    pairs = [
        _tag_pieces(gold.text, gold.entities, spans) for gold, spans in zip(sentences, found, strict=True)
    ]
    gold_tags = [gold for gold, _ in pairs]
    found_tags = [found for _, found in pairs]
    if not any(tag != "O" for tags in (*gold_tags, *found_tags) for tag in tags):
        # Nothing to find and nothing found; seqeval cannot report on no entity at all.
        return Scores(len(sentences), 0.0, 0.0, 0.0, 1.0, {})
    report = classification_report(
        gold_tags, found_tags, mode="strict", scheme=IOB2, output_dict=True, zero_division=0
    )
    averages = {name: report.pop(name) for name in list(report) if name.endswith(" avg")}
    micro = _label_score(averages["micro avg"])
    return Scores(
        sentences=len(sentences),
        precision=micro.precision,
        recall=micro.recall,
        f1=micro.f1,
        accuracy=float(accuracy_score(gold_tags, found_tags)),
        per_label={label: _label_score(row) for label, row in report.items()},
    )


def _label_score(row: dict[str, Any]) -> LabelScore:
    return LabelScore(
        float(row["precision"]), float(row["recall"]), float(row["f1-score"]), int(row["support"])
    )


def _tag_pieces(
    text: str, gold: Iterable[SpanLike], found: Iterable[SpanLike]
) -> tuple[list[str], list[str]]:
    """IOB2 tags of both sets of spans over the same pieces of the text."""
    gold, found = tuple(gold), tuple(found)
    bounds = {bound for span in (*gold, *found) for bound in (span.start, span.end)}
    pieces = list(_iter_pieces(text, bounds))
    return _tags(pieces, gold), _tags(pieces, found)


def _iter_pieces(text: str, bounds: set[int]) -> Iterable[tuple[int, int]]:
    for match in _PIECE.finditer(text):
        inner = sorted(bound for bound in bounds if match.start() < bound < match.end())
        cuts = [match.start(), *inner, match.end()]
        for start, end in zip(cuts[:-1], cuts[1:], strict=True):
            # White space counts only where a span begins or ends with it.
            if not text[start:end].isspace() or start in bounds or end in bounds:
                yield start, end


def _tags(pieces: list[tuple[int, int]], spans: Iterable[SpanLike]) -> list[str]:
    tags = ["O"] * len(pieces)
    for span in spans:
        covered = [
            index for index, (start, end) in enumerate(pieces) if span.start <= start and end <= span.end
        ]
        for index in covered:
            tags[index] = f"{'B' if index == covered[0] else 'I'}-{span.label}"
    return tags
