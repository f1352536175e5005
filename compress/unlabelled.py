"""Responsible for sentences of unlabelled text that a student learns from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compress.gate_text import read_documents, shuffled
from extract.annotations import AnnotatedSentence

SHORTEST = 20
"""Characters; what is shorter is a heading or a stray mark."""


def read_text(paths: Sequence[Path], count: int) -> list[AnnotatedSentence]:
    """At most ``count`` different sentences, without entities, from documents in a fixed random order.

    :raises CompressError: when a file cannot be read.
    """
    found: dict[str, AnnotatedSentence] = {}
    for document in shuffled(read_documents(paths)):
        for text in document.sentences:
            if len(text) >= SHORTEST and text not in found:
                found[text] = AnnotatedSentence(f"U{len(found)}", document.id, text, ())
            if len(found) == count:
                return list(found.values())
    return list(found.values())
