"""Responsible for turning what was found in citations into the columns of the tables. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from extract.errors import TaggingError
from extract.records import Citation, Deletion, Field, Mention, Rejected, Sentence
from extract.table import build_table

_ENTITY_COLUMNS = (
    *("pmid", "doc_id", "pmid_version", "position", "section", "field", "start", "end", "text", "label"),
    *("score", "sentence", "sentence_start"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A sentence of a citation in which the model found something."""

    field: Field
    sentence: Sentence
    mentions: tuple[Mention, ...]
    """Offsets count from the sentence's first character."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows of a shard come from; the same in all of them."""

    model: str
    model_sha256: str
    source: str
    run_id: str


@dataclass(slots=True)
class CitationRow:
    """What became of one record."""

    doc_id: str
    pmid: int | None
    pmid_version: int
    position: int
    fate: str
    reason: str | None = None
    text_sha256: str | None = None
    content_key: bytes | None = None
    n_sentences: int = 0
    n_gated_out: int = 0
    n_tokens: int = 0
    n_entities: int = 0


def content_key(citation: Citation, *, admitted: bool | None = None) -> bytes:
    """16 bytes that are equal exactly when all that decides the answer is equal.

    That is the text, its division into sections and, where there is a gate, whether it admits the citation:
    all that MeSH headings decide, so that a revision of these that changes nothing there costs no inference.
    """
    domain = b"" if admitted is None else b"\1in\0" if admitted else b"\1out\0"
    digest = hashlib.blake2b(domain, digest_size=16)
    for part in citation.fields:
        sections = ";".join(f"{section.label},{section.start},{section.end}" for section in part.sections)
        digest.update(f"{part.name}\0{part.text}\0{sections}\0".encode("utf-8", "surrogatepass"))
    return digest.digest()


def row_of(citation: Citation, *, admitted: bool | None = None) -> CitationRow:
    """The row of a citation that could be read; its fate is yet to be found if it has text."""
    return CitationRow(
        doc_id=citation.doc_id,
        pmid=citation.pmid,
        pmid_version=citation.pmid_version,
        position=citation.position,
        fate="no_text",
        text_sha256=citation.text_sha256,
        content_key=content_key(citation, admitted=admitted),
    )


def row_of_rejected(rejected: Rejected) -> CitationRow:
    """The row of a record that could not be used."""
    reason = f"{rejected.reason}: {rejected.detail}" if rejected.detail else rejected.reason
    return CitationRow(rejected.doc_id, None, 1, rejected.position, "quarantined", reason[:500])


@dataclass
class EntityColumns:
    """The entity table of a shard while it grows, by column."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _ENTITY_COLUMNS})

    def add(self, citation: Citation, found: Found) -> None:
        """Add the mentions of a sentence.

        :raises TaggingError: when a mention lies outside the sentence: its text could not be what it says.
        """
        columns, sentence = self.columns, found.sentence
        sentence_text = found.field.text[sentence.start : sentence.end]
        section = section_of(found.field, sentence)
        for mention in found.mentions:
            start, end = sentence.start + mention.start, sentence.start + mention.end
            text = found.field.text[start:end]
            inside = 0 <= mention.start < mention.end <= len(sentence_text)
            if not inside or text != sentence_text[mention.start : mention.end]:
                raise TaggingError(
                    "mention outside its sentence",
                    f"citation {citation.doc_id}",
                    f"[{mention.start}, {mention.end})",
                    f"a range in [0, {len(sentence_text)})",
                )
            row = (
                *(citation.pmid, citation.doc_id, citation.pmid_version, citation.position),
                *(section, found.field.name, start, end, text, mention.label, mention.score),
                *(sentence_text, sentence.start),
            )
            for name, value in zip(_ENTITY_COLUMNS, row, strict=True):
                columns[name].append(value)

    def extend(self, other: EntityColumns) -> None:
        """Add all rows of another."""
        for name, values in other.columns.items():
            self.columns[name].extend(values)

    def __len__(self) -> int:
        return len(self.columns["position"])

    def to_table(self, origin: Origin) -> pa.Table:
        return build_table("entities", {**self.columns, **_origin(origin)})


def section_of(part: Field, sentence: Sentence) -> str:
    """Label of the section that a sentence begins in."""
    label = part.sections[0].label
    for section in part.sections:
        if section.start > sentence.start:
            break
        label = section.label
    return label


def citation_table(rows: Sequence[CitationRow], origin: Origin) -> pa.Table:
    """The citation table of a shard."""
    columns = {name: [getattr(row, name) for row in rows] for name in CitationRow.__slots__}
    return build_table("citations", {**columns, **_origin(origin)})


def deletion_table(deletions: Sequence[Deletion], origin: Origin) -> pa.Table:
    """The deletion table of a shard."""
    columns: dict[str, Any] = {
        "pmid": [deletion.pmid for deletion in deletions],
        "pmid_version": [deletion.pmid_version for deletion in deletions],
        "position": [deletion.position for deletion in deletions],
        "source": origin.source,
        "run_id": origin.run_id,
    }
    return build_table("deletions", columns)


def _origin(origin: Origin) -> dict[str, str]:
    return {
        "model": origin.model,
        "model_sha256": origin.model_sha256,
        "source": origin.source,
        "run_id": origin.run_id,
    }
