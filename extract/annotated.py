"""Responsible for annotated sentences as values: a text with its entities, checked once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from extract.errors import AnnotationError


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """An annotated entity. ``text[start:end]`` is what it says."""

    start: int
    """First character."""
    end: int
    """One past the last character."""
    label: str
    """Without ``B-`` or ``I-``."""


@dataclass(frozen=True, slots=True)
class AnnotatedSentence:
    """One text with its entities. It may be longer than a sentence; nothing here depends on that."""

    id: str
    """Unique in its file as far as the file says so."""
    doc: str
    """The document it is from; its own id where the file names none."""
    text: str
    """Never empty."""
    entities: tuple[Span, ...]
    """In order of their start, without overlap."""


def parse_sentence(
    sentence_id: str, doc: str, text: Any, spans: Iterable[Span], where: str
) -> AnnotatedSentence:
    """A checked sentence.

    :raises AnnotationError: the text is none, or a span is outside it, empty, or over another one.
    """
    text = parse_text(text, where)
    spans = sorted(spans)
    for span in spans:
        if not 0 <= span.start < span.end <= len(text):
            raise AnnotationError(
                "entity outside its text",
                where,
                f"{span.label} {span.start} to {span.end}",
                f"0 to {len(text)}",
            )
    for left, right in zip(spans, spans[1:], strict=False):
        if right.start < left.end:
            got = f"{left.label} {left.start} to {left.end} and {right.label} {right.start} to {right.end}"
            raise AnnotationError("overlapping entities", where, got, "entities that do not overlap")
    return AnnotatedSentence(sentence_id, doc, text, tuple(spans))


def parse_text(text: Any, where: str) -> str:
    """
    :raises AnnotationError: when it is no text, or an empty one.
    """
    if not isinstance(text, str) or not text:
        raise AnnotationError("bad text", where, repr(text), "a text that is not empty")
    return text


def parse_span(entity: dict[str, Any], where: str) -> Span:
    """A span of two integers and a name; whether it fits its text is another matter.

    :raises AnnotationError: when it is not that.
    """
    start, end, label = entity.get("start"), entity.get("end"), entity.get("label")
    if type(start) is not int or type(end) is not int:
        raise AnnotationError("bad offsets", where, f"start {start!r}, end {end!r}", "two integers")
    if not isinstance(label, str) or not label:
        raise AnnotationError("bad label", where, repr(label), "a name")
    return Span(start, end, label)


def parse_object(value: Any, where: str) -> dict[str, Any]:
    """
    :raises AnnotationError: when it is no JSON object.
    """
    if not isinstance(value, dict):
        raise AnnotationError("wrong kind of value", where, type(value).__name__, "a JSON object")
    return value


def parse_list(value: Any, name: str, where: str) -> list[Any]:
    """
    :raises AnnotationError: when it is no JSON list.
    """
    if not isinstance(value, list):
        raise AnnotationError(f"bad {name}", where, type(value).__name__, "a JSON list")
    return value
