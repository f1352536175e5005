"""Responsible for what a model got wrong, entity by entity: how it is wrong, with the sentences to look at.

Each annotated entity that was not found exactly is paired with at most one wrong find that overlaps it, the
longest overlap first; what is left has no partner. The kind follows from the pair; why it came to be is told
by :mod:`extract.causes`::

    other_label   found, under another label (with the same bounds or others)
    boundary      found under its label, with other bounds
    missed        annotated, nothing found there
    spurious      found, nothing annotated there
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extract.annotations import AnnotatedSentence
from extract.errors import OutputError
from extract.score import SpanLike

KINDS = ("other_label", "boundary", "missed", "spurious")

MISSED = "(missed)"
"""Column of the confusion table for entities that were not found."""
SPURIOUS = "(spurious)"
"""Row of the confusion table for finds that are no entities."""


@dataclass(frozen=True)
class Mistake:
    """One thing that a model got wrong."""

    kind: str
    """One of :data:`KINDS`."""
    sentence: AnnotatedSentence
    annotated: SpanLike | None
    """What should have been found; None of ``spurious``."""
    found: SpanLike | None
    """What was; None of ``missed``."""
    cause: str = ""
    """Why, as far as the words around it tell (:mod:`extract.causes`); empty where nobody asked."""

    @property
    def span(self) -> SpanLike:
        """What it is about: the annotated entity, of ``spurious`` the find."""
        span = self.annotated or self.found
        if span is None:
            raise ValueError("a mistake about nothing")
        return span

    @property
    def score(self) -> float:
        """Of the find, 0 to 1; 0 where there is none or it has no score."""
        return float(getattr(self.found, "score", 0.0))

    @property
    def labels(self) -> tuple[str, str]:
        """Annotated and found label, as row and column of the confusion table."""
        annotated = self.annotated.label if self.annotated else SPURIOUS
        return annotated, self.found.label if self.found else MISSED

    def to_dict(self) -> dict[str, Any]:
        """As a line of JSON."""
        sentence = self.sentence
        return {
            "kind": self.kind,
            **({"cause": self.cause} if self.cause else {}),
            "annotated": _span_to_dict(sentence.text, self.annotated),
            "found": _span_to_dict(sentence.text, self.found),
            "id": sentence.id,
            "doc": sentence.doc,
            "text": sentence.text,
        }


def find_mistakes(
    sentences: Sequence[AnnotatedSentence], found: Sequence[Sequence[SpanLike]]
) -> list[Mistake]:
    """Every mistake, in the order of the sentences."""
    return [
        mistake
        for sentence, spans in zip(sentences, found, strict=True)
        for mistake in _mistakes_in(sentence, spans)
    ]


def _mistakes_in(sentence: AnnotatedSentence, found: Sequence[SpanLike]) -> list[Mistake]:
    right = {_key(span) for span in sentence.entities} & {_key(span) for span in found}
    annotated = [span for span in sentence.entities if _key(span) not in right]
    wrong = [span for span in found if _key(span) not in right]
    mistakes = [
        Mistake("boundary" if gold.label == span.label else "other_label", sentence, gold, span)
        for gold, span in _pair(annotated, wrong)
    ]
    paired = {id(span) for mistake in mistakes for span in (mistake.annotated, mistake.found)}
    mistakes += [Mistake("missed", sentence, span, None) for span in annotated if id(span) not in paired]
    mistakes += [Mistake("spurious", sentence, None, span) for span in wrong if id(span) not in paired]
    return sorted(mistakes, key=_place)


def _key(span: SpanLike) -> tuple[int, int, str]:
    return span.start, span.end, span.label


def _place(mistake: Mistake) -> int:
    return min(span.start for span in (mistake.annotated, mistake.found) if span is not None)


def _pair(annotated: Iterable[SpanLike], wrong: Sequence[SpanLike]) -> list[tuple[SpanLike, SpanLike]]:
    """Those that overlap, each at most once: the longest overlap first, of equals the one with its label."""
    overlaps = [
        (min(gold.end, span.end) - max(gold.start, span.start), gold.label == span.label, gold, span)
        for gold in annotated
        for span in wrong
        if gold.start < span.end and span.start < gold.end
    ]
    pairs: list[tuple[SpanLike, SpanLike]] = []
    taken: set[int] = set()
    for _, _, gold, span in sorted(overlaps, key=lambda overlap: overlap[:2], reverse=True):
        if not {id(gold), id(span)} & taken:
            taken |= {id(gold), id(span)}
            pairs.append((gold, span))
    return pairs


def _span_to_dict(text: str, span: SpanLike | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {"start": span.start, "end": span.end, "label": span.label, "text": text[span.start : span.end]}


def count_kinds(mistakes: Iterable[Mistake]) -> dict[str, int]:
    """How many mistakes of each kind, all kinds named."""
    counts = Counter(mistake.kind for mistake in mistakes)
    return {kind: counts[kind] for kind in KINDS}


def confusion_table(
    sentences: Sequence[AnnotatedSentence], mistakes: Sequence[Mistake]
) -> list[dict[str, Any]]:
    """Entities by the label they were found under: a row an annotated label, the last of spurious finds.

    Keys are ``annotated``, every label, :data:`MISSED` and ``wrong_bounds``: how many of the row's finds,
    counted under their label like the others, have other bounds.
    """
    wrong = Counter(mistake.labels for mistake in mistakes)
    bounds = Counter(mistake.labels[0] for mistake in mistakes if _has_other_bounds(mistake))
    support = Counter(span.label for sentence in sentences for span in sentence.entities)
    exact = support - Counter(mistake.annotated.label for mistake in mistakes if mistake.annotated)
    labels = sorted({*support, *(mistake.found.label for mistake in mistakes if mistake.found)})
    return [
        {
            "annotated": row,
            **{column: wrong[row, column] + (exact[row] if row == column else 0) for column in labels},
            MISSED: wrong[row, MISSED],
            "wrong_bounds": bounds[row],
        }
        for row in (*labels, SPURIOUS)
    ]


def _has_other_bounds(mistake: Mistake) -> bool:
    gold, span = mistake.annotated, mistake.found
    return gold is not None and span is not None and (gold.start, gold.end) != (span.start, span.end)


def write_mistakes(path: Path, mistakes: Sequence[Mistake]) -> None:
    """Write all mistakes by kind and label: JSON Lines where the name ends in ``.jsonl``, else for people.

    :raises OutputError: the file cannot be written.
    """
    ordered = sorted(mistakes, key=lambda mistake: (KINDS.index(mistake.kind), *mistake.labels))
    if path.suffix == ".jsonl":
        lines = [json.dumps(mistake.to_dict(), ensure_ascii=False) for mistake in ordered]
    else:
        lines = render_mistakes(ordered)
    try:
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8", errors="backslashreplace")
    except OSError as exc:
        raise OutputError("mistakes cannot be written", str(path), str(exc)) from exc


def render_mistakes(mistakes: Sequence[Mistake], *, most: int | None = None) -> list[str]:
    """Lines for people: a heading with its count for each kind and pair of labels, below it the sentences.

    :param most: show at most so many sentences of a kind.
    """
    lines: list[str] = []
    for kind in KINDS:
        of_kind = [mistake for mistake in mistakes if mistake.kind == kind]
        lines += [f"{kind}: {len(of_kind)}", ""]
        for labels, count in sorted(Counter(mistake.labels for mistake in of_kind).items()):
            lines.append(f"  {labels[0]} -> {labels[1]}: {count}")
            shown = [mistake for mistake in of_kind if mistake.labels == labels][:most]
            lines += [f"    {mistake.sentence.id}  {_why(mistake)}{mark(mistake)}" for mistake in shown]
            lines.append("")
    return lines


def _why(mistake: Mistake) -> str:
    return f"({mistake.cause})  " if mistake.cause else ""


def mark(mistake: Mistake) -> str:
    """The sentence with what is annotated in ``[ ]`` and what was found in ``{ }``, on one line."""
    # At one place what ends comes before what begins, and of equal bounds the find lies within.
    brackets = ((mistake.annotated, (2, "["), (1, "]")), (mistake.found, (3, "{"), (0, "}")))
    inserts = sorted(
        (place, *sign)
        for span, left, right in brackets
        if span is not None
        for place, sign in ((span.start, left), (span.end, right))
    )
    text = mistake.sentence.text
    for place, _, sign in reversed(inserts):
        text = text[:place] + sign + text[place:]
    return " ".join(text.split())
