"""Responsible for BioC JSON: a collection of documents with passages, annotations and relations.

Format: Comeau et al. 2013 (doi:10.1093/database/bat064), in the JSON form of the Python package `bioc`.
Endpoint records become relations between the annotations that they were joined from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from jobs.export.documents import Document, Passage, Row

_ROLES = ("value", "restated", "lower", "upper", "landmark")
_FACTS = (
    "endpoint",
    "measure",
    "value_state",
    "value",
    "unit",
    "lower",
    "upper",
    "level",
    "landmark",
    "group",
)


def iter_bioc_json(documents: Iterable[Document], *, date: str) -> Iterator[str]:
    """The collection in pieces of text; together they are one JSON object."""
    head = {
        "source": "extract",
        "date": date,
        "key": "entities.key",
        "version": "1.0",
        "infons": {},
        "documents": [],
    }
    yield json.dumps(head, ensure_ascii=False).removesuffix("]}")
    for number, document in enumerate(documents):
        yield (",\n" if number else "\n") + json.dumps(_document(document), ensure_ascii=False)
    yield "\n]}\n"


def _document(document: Document) -> dict[str, Any]:
    first = document.first
    ids: dict[tuple[str, int, int], str] = {}
    passages = []
    offset = 0
    for passage in document.passages:
        passages.append(_passage(passage, offset, ids))
        offset += len(passage.text) + 1
    return {
        "id": document.doc_id,
        "infons": {
            "source": first["source"],
            "model": first["model"],
            "model_sha256": first["model_sha256"],
            "text": "whole" if document.whole else "sentences with entities",
        },
        "passages": passages,
        "annotations": [],
        "relations": [_relation(row, number, ids) for number, row in enumerate(document.endpoints)],
    }


def _passage(passage: Passage, offset: int, ids: dict[tuple[str, int, int], str]) -> dict[str, Any]:
    annotations = []
    for entity in passage.entities:
        row = entity.row
        name = ids.setdefault((row["field"], row["start"], row["end"]), f"T{len(ids)}")
        annotations.append(
            {
                "id": name,
                "infons": {"type": row["label"], "score": f"{row['score']:.4f}"},
                "text": passage.text[entity.start : entity.end],
                "locations": [{"offset": offset + entity.start, "length": entity.end - entity.start}],
            }
        )
    return {
        "offset": offset,
        "infons": {
            "type": passage.field,
            "section": passage.section,
            "field_start": str(passage.field_start),
        },
        "text": passage.text,
        "sentences": [],
        "annotations": annotations,
        "relations": [],
    }


def _relation(row: Row, number: int, ids: dict[tuple[str, int, int], str]) -> dict[str, Any]:
    nodes = [
        {"refid": ids[row["field"], row[f"{role}_start"], row[f"{role}_end"]], "role": role}
        for role in _ROLES
        if row[f"{role}_start"] is not None
    ]
    facts = {name: str(row[name]) for name in _FACTS if row[name] is not None}
    return {
        "id": f"R{number}",
        "infons": {"type": "endpoint", **facts, "flags": " ".join(row["flags"])},
        "nodes": nodes,
    }
