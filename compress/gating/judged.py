"""Responsible for finds of the full model in unlabelled text that a person has read and judged.

The list holds no text: a sentence is named by its document and a hash, a find by its offsets.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from compress.errors import CompressError
from compress.gating.text import Document


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence in which the model, without gate, finds something."""

    doc: str
    digest: str
    """Of its text, see :func:`digest_of`."""
    n_true: int
    """Finds in it that are entities by the guidelines."""
    n_false: int
    """Finds in it that are none."""


def digest_of(sentence: str) -> str:
    """What names a sentence in the list."""
    return hashlib.sha256(sentence.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def read_judged(path: Path) -> list[Judged]:
    """The sentences of a list: JSON Lines with ``doc``, ``sentence`` and ``finds``, each with ``true``.

    :raises CompressError: when it is no such list.
    """
    expected = "JSON Lines with doc, sentence and finds"
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [_parse_row(row) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CompressError("judged finds cannot be read", str(path), str(exc), expected) from exc


def _parse_row(row: Mapping[str, object]) -> Judged:
    finds = row["finds"]
    if not isinstance(finds, list) or not finds:
        raise ValueError(f"finds {finds!r}")
    n_true = sum(bool(find["true"]) for find in finds)
    return Judged(str(row["doc"]), str(row["sentence"]), n_true, len(finds) - n_true)


def iter_judged_texts(
    documents: Iterable[Document], judged: Iterable[Judged]
) -> Iterator[tuple[Document, str, Judged]]:
    """Each judged sentence of the documents, with its text; those of other documents are left out."""
    by_doc: dict[str, dict[str, Judged]] = {}
    for row in judged:
        by_doc.setdefault(row.doc, {})[row.digest] = row
    for document in documents:
        wanted = by_doc.get(document.id)
        if not wanted:
            continue
        for sentence in dict.fromkeys(document.sentences):
            found = wanted.get(digest_of(sentence))
            if found is not None:
                yield document, sentence, found
