"""Responsible for sentences of unlabelled text that a student learns from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compress.gating.text import Document, read_documents, shuffled
from extract.annotations import AnnotatedSentence
from extract.gate import Gate
from extract.records import Section
from extract.sentences import split_sentences

SHORTEST = 20
"""Characters; what is shorter is a heading or a stray mark."""


def read_text(paths: Sequence[Path], count: int) -> list[AnnotatedSentence]:
    """At most ``count`` different sentences, without entities, from documents in a fixed random order.

    :raises CompressError: when a file cannot be read.
    """
    return list(pick_text(paths, count).inside)


@dataclass(frozen=True)
class Picked:
    """Sentences without entities, of documents in a fixed random order."""

    inside: tuple[AnnotatedSentence, ...]
    """That the gate lets pass; any, where there is none."""
    outside: tuple[AnnotatedSentence, ...]
    """Of documents outside the gate's domain, which its second level would let pass: what looks most like
    something to find where nothing is."""


def pick_text(
    paths: Sequence[Path],
    count: int,
    *,
    gate: Gate | None = None,
    n_outside: int = 0,
    without: Collection[str] = (),
    known: Collection[str] = (),
) -> Picked:
    """At most ``count`` different sentences inside the gate and, where there is one, ``n_outside`` outside.

    :param without: documents to leave out, such as those that a model is judged on.
    :param known: sentences to leave out.
    :raises CompressError: when a file cannot be read.
    """
    documents = [one for one in shuffled(read_documents(paths)) if one.id not in without]
    admitted = [gate is None or gate.holds_text(one.head) for one in documents]
    seen = set(known)
    parts = []
    for is_inside, wanted, prefix in ((True, count, "U"), (False, n_outside, "X")):
        part = (one for one, inside in zip(documents, admitted, strict=True) if inside == is_inside)
        parts.append(_take(_iter_sentences(part, gate), wanted, prefix, seen))
    return Picked(*parts)


def _iter_sentences(documents: Iterable[Document], gate: Gate | None) -> Iterator[tuple[str, str]]:
    """Document and text of each sentence that the gate's second level lets pass."""
    for document in documents:
        for text in document.paragraphs:
            # What no sentence of it can have, a paragraph has not either; most are done with here.
            if gate is not None and not gate.passes(text):
                continue
            for sentence in split_sentences(text, [Section("", 0, len(text))]):
                piece = text[sentence.start : sentence.end]
                if len(piece) >= SHORTEST and (gate is None or gate.passes(piece)):
                    yield document.id, piece


def _take(
    sentences: Iterable[tuple[str, str]], count: int, prefix: str, seen: set[str]
) -> tuple[AnnotatedSentence, ...]:
    taken: list[AnnotatedSentence] = []
    if not count:
        return ()
    for doc, text in sentences:
        if text not in seen:
            seen.add(text)
            taken.append(AnnotatedSentence(f"{prefix}{len(taken)}", doc, text, ()))
        if len(taken) == count:
            break
    return tuple(taken)
