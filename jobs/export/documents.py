"""Responsible for the documents that are exported: live citations with their entities, made of rows.

Outputs hold no texts, only the sentences in which something was found. So a document's text is either
made of those sentences (an *excerpt*, with offsets that fit it), or read again from the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from extract.output import FILE_NUMBER, Output

FIELDS = ("title", "abstract")
Row = Mapping[str, Any]
Key = tuple[str, int, str]
"""Source, position and id: what makes a document of an output, in the order of its files."""


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity in the text of a passage."""

    start: int
    """First character in the passage's text."""
    end: int
    row: Row
    """Its row in the entity table, with offsets into the citation's own field."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text with its entities: a sentence, or a whole section."""

    field: str
    """``title`` or ``abstract``."""
    section: str
    field_start: int
    """First character in the citation's own field."""
    text: str
    entities: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A live citation in which something was found."""

    key: Key
    first: Row
    """Any row of it: identity and origin are the same in all."""
    passages: tuple[Passage, ...]
    """Title first, then by place; never empty."""
    endpoints: tuple[Row, ...]
    """Its rows in the endpoint table."""
    whole: bool = False
    """Whether the passages are the citation's whole text, not only sentences of it."""

    @property
    def doc_id(self) -> str:
        return str(self.first["doc_id"])

    @property
    def entities(self) -> Iterator[Row]:
        return (entity.row for passage in self.passages for entity in passage.entities)


def iter_documents(output: Output) -> Iterator[Document]:
    """Every live citation that has an entity, its text an excerpt of the sentences that have."""
    endpoints = _iter_groups(output, "endpoints")
    key, rows = next(endpoints, (None, []))
    for document_key, entities in _iter_groups(output, "entities"):
        mine: list[Row] = []
        if key == document_key:
            mine = rows
            key, rows = next(endpoints, (None, []))
        yield Document(document_key, entities[0], tuple(_sentences(entities)), tuple(mine))


def _iter_groups(output: Output, name: str) -> Iterator[tuple[Key, list[Row]]]:
    for key, rows in groupby(iter_rows(output, name), key=key_of):
        yield key, list(rows)


def iter_rows(output: Output, name: str) -> Iterator[Row]:
    """The rows of a live table, file by file, in order."""
    dataset = output[name]
    columns = [column for column in dataset.schema.names if column != FILE_NUMBER]
    for batch in dataset.to_batches(columns=columns, batch_size=8192):
        yield from batch.to_pylist()


def key_of(row: Row) -> Key:
    return row["source"], row["position"], row["doc_id"]


def _sentences(entities: list[Row]) -> Iterator[Passage]:
    ordered = sorted(
        entities, key=lambda row: (FIELDS.index(row["field"]), row["sentence_start"], row["start"])
    )
    for (field, start), rows in groupby(ordered, key=lambda row: (row["field"], row["sentence_start"])):
        mine = list(rows)
        found = tuple(Entity(row["start"] - start, row["end"] - start, row) for row in mine)
        yield Passage(field, mine[0]["section"], start, mine[0]["sentence"], found)
