"""Responsible for Label Studio tasks: sentences with the model's entities as predictions, to be corrected.

Format: https://labelstud.io/guide/predictions. What annotators export is read as training data by
:mod:`extract.annotations`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from jobs.export.documents import Document, Entity, Passage

FROM_NAME, TO_NAME = "label", "text"
"""Names of the control and of the text in the labelling configuration."""


def iter_label_studio(documents: Iterable[Document]) -> Iterator[str]:
    """A JSON list of tasks in pieces of text, one task for each passage."""
    yield "["
    number = 0
    for document in documents:
        for passage in document.passages:
            number += 1
            yield (",\n" if number > 1 else "\n") + json.dumps(
                _task(document, passage, number), ensure_ascii=False
            )
    yield "\n]\n"


def _task(document: Document, passage: Passage, number: int) -> dict[str, Any]:
    first = document.first
    results = [_result(passage, entity, place) for place, entity in enumerate(passage.entities)]
    return {
        "id": number,
        "data": {
            "text": passage.text,
            "doc": document.doc_id,
            "field": passage.field,
            "section": passage.section,
            "start": passage.field_start,
            "source": first["source"],
        },
        "predictions": [
            {
                "model_version": f"{first['model']} {first['model_sha256'][:12]}",
                "score": min((entity.row["score"] for entity in passage.entities), default=1.0),
                "result": results,
            }
        ],
    }


def _result(passage: Passage, entity: Entity, place: int) -> dict[str, Any]:
    text = passage.text
    return {
        "id": f"e{place}",
        "from_name": FROM_NAME,
        "to_name": TO_NAME,
        "type": "labels",
        "score": entity.row["score"],
        "value": {
            "start": _units(text[: entity.start]),
            "end": _units(text[: entity.end]),
            "text": text[entity.start : entity.end],
            "labels": [entity.row["label"]],
        },
    }


def _units(text: str) -> int:
    """Length in UTF-16 code units: the way browsers count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
