"""Responsible for the table of endpoint records, made from the table of entities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from extract.endpoint_draft import KINDS, TIME_POINT
from extract.endpoints import EndpointRecord, Part, join_records
from extract.records import Mention
from extract.table import ENDPOINTS, ENTITIES

_LABELS = frozenset((TIME_POINT, *KINDS, *(f"{kind}_{bound}" for kind in KINDS for bound in ("CIL", "CIH"))))
_SENTENCE = ("position", "field", "sentence_start")
_CONTEXT = tuple(name for name in ENDPOINTS.names if name in ENTITIES.names and name != "score")
"""Columns that an endpoint record has from its sentence."""


def endpoint_table(entities: pa.Table) -> pa.Table:
    """The endpoint records of a shard: :data:`extract.table.ENDPOINTS` from :data:`extract.table.ENTITIES`.

    A function of the entities alone, so that it is the same whether they were tagged or carried over.

    :param entities: sentence by sentence, as a shard writes them.
    """
    wanted = [name for name in (*_CONTEXT, "start", "end", "label", "score")]
    rows = entities.select(wanted).to_pylist()
    return pa.Table.from_pylist(list(_iter_rows(rows)), schema=ENDPOINTS)


def _iter_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for _, group in groupby(rows, key=lambda row: tuple(row[name] for name in _SENTENCE)):
        yield from endpoint_rows(list(group))


def endpoint_rows(entities: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The endpoint records of one sentence, as rows.

    :param entities: the rows of the entity table of that sentence, at least one.
    """
    first = entities[0]
    offset = first["sentence_start"]
    mentions = [
        Mention(row["start"] - offset, row["end"] - offset, row["label"], row["score"])
        for row in entities
        if row["label"] in _LABELS
    ]
    context = {name: first[name] for name in _CONTEXT}
    return [
        {**context, **to_row(record, first["sentence"], offset)}
        for record in join_records(first["sentence"], mentions)
    ]


def to_row(record: EndpointRecord, sentence: str, offset: int = 0) -> dict[str, Any]:
    """The columns of a record; ``offset`` is the sentence's first character in its field."""
    value = record.value
    row = {
        "endpoint": record.endpoint,
        "measure": record.measure,
        "value_state": record.value_state,
        "value": value.value if value else None,
        "unit": "months" if record.measure == "time" else "percent",
        "value_original": value.original if value else None,
        "value_unit": value.unit if value and value.original is not None else None,
        "value_text": sentence[value.start : value.end] if value else None,
        "level": record.level.percent if record.level else None,
        "landmark": record.landmark.value if record.landmark else None,
        "landmark_original": record.landmark.original if record.landmark else None,
        "landmark_unit": record.landmark.unit if record.landmark else None,
        "group": sentence[slice(*record.group)] if record.group else None,
        "score": record.score,
        "flags": list(record.flags),
    }
    for name, bound in (("lower", record.lower), ("upper", record.upper)):
        row |= {name: bound.value if bound else None, f"{name}_state": bound.state if bound else None}
    for name, place in _places(record).items():
        start, end = place or (None, None)
        row[f"{name}_start"] = None if start is None else start + offset
        row[f"{name}_end"] = None if end is None else end + offset
    return row


def _places(record: EndpointRecord) -> dict[str, tuple[int, int] | None]:
    return {
        "value": _place(record.value),
        "restated": record.restated,
        "lower": _place(record.lower),
        "upper": _place(record.upper),
        "level": (record.level.start, record.level.end) if record.level else None,
        "landmark": _place(record.landmark),
        "group": record.group,
    }


def _place(part: Part | None) -> tuple[int, int] | None:
    return (part.start, part.end) if part else None
