"""Responsible for JSON lines: one object for each live citation that has an entity, as the tables have it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from jobs.export.documents import Document, Row

_IDENTITY = ("pmid", "doc_id", "pmid_version", "position", "model", "model_sha256", "source", "run_id")


def iter_json_lines(documents: Iterable[Document]) -> Iterator[str]:
    """One line of text for each document."""
    for document in documents:
        value: dict[str, Any] = {name: document.first[name] for name in _IDENTITY}
        if document.whole:
            value["text"] = [_passage_of(document, number) for number in range(len(document.passages))]
        value["entities"] = [_without_identity(row) for row in document.entities]
        value["endpoints"] = [_without_identity(row) for row in document.endpoints]
        yield json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def _passage_of(document: Document, number: int) -> dict[str, Any]:
    passage = document.passages[number]
    return {
        "field": passage.field,
        "section": passage.section,
        "start": passage.field_start,
        "text": passage.text,
    }


def _without_identity(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in _IDENTITY}
