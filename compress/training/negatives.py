"""Responsible for sentences that hold no entity because their document is of another field.

Most of what a model reads in production is not about its field, and annotated sentences hold little of that.
Half of the sentences taken look like the field's (a number, and a word that entities stand beside: the
"survival" of grafts), the others merely hold a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from compress.errors import DataError
from compress.gating.outside import read_outside
from compress.gating.text import Document, read_documents, shuffled
from extract.annotations import AnnotatedSentence

SHORTEST, LONGEST = 25, 600
"""Characters."""
MOST = 3
"""Sentences of a kind from one document: a thousand from a hundred documents teach little."""
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Negatives:
    """Where sentences without entities come from."""

    inputs: tuple[Path, ...]
    """Inputs of a run, or JSON Lines with ``doc`` and ``paragraphs``."""
    words: Path
    """Words of the field, none of which a document may hold; see :class:`compress.gating.words.GateWords`."""
    sentences: int = 1000
    """At most so many."""


def read_negatives(negatives: Negatives, without: Collection[str] = ()) -> list[AnnotatedSentence]:
    """Sentences without entities, from documents in a fixed random order.

    :param without: documents to leave out.
    :raises CompressError: a file cannot be read. :raises DataError: no document is of another field.
    """
    outside = read_outside(negatives.words)
    alike = outside.look_alikes()
    documents = [one for one in shuffled(read_documents(negatives.inputs)) if one.id not in without]
    held = outside.hold(["\n".join([one.head, *one.paragraphs]) for one in documents])
    others = [document for document, is_outside in zip(documents, held, strict=True) if is_outside]
    n_alike = negatives.sentences // 2
    found = _take(others, alike.passes, n_alike)
    found += _take(others, lambda text: not alike.passes(text), negatives.sentences - len(found))
    if not found:
        where = ", ".join(path.name for path in negatives.inputs)
        raise DataError(
            "no negatives", where, f"{len(others)} documents of another field", "some with numbers"
        )
    return [AnnotatedSentence(f"N{place}", doc, text, ()) for place, (doc, text) in enumerate(found)]


def _take(documents: Iterable[Document], fits: Callable[[str], bool], count: int) -> list[tuple[str, str]]:
    """Document and text of the first ``count`` different sentences that fit."""
    taken: dict[str, str] = {}
    for document in documents:
        for text, _ in zip(_iter_fitting(document, fits), range(MOST), strict=False):
            if len(taken) == count:
                break
            taken.setdefault(text, document.id)
    return [(doc, text) for text, doc in taken.items()]


def _iter_fitting(document: Document, fits: Callable[[str], bool]) -> Iterator[str]:
    for text in document.sentences:
        if SHORTEST <= len(text) <= LONGEST and _DIGIT.search(text) and fits(text):
            yield text
