"""Responsible for giving exported documents their whole text back, by reading the inputs again.

The output noted the SHA-256 of every citation's text, so a text that is not the one that was tagged is
noticed; nothing is exported then, for its offsets would be wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import pyarrow.compute as pc

from extract.errors import SourceError
from extract.fetch import at_hand
from extract.inputs import find_inputs
from extract.output import Output
from extract.records import Citation, Field, Section
from extract.remote import Location, source_name
from extract.source import check_source, iter_records
from jobs.errors import InputMissing, JobError
from jobs.export.documents import Document, Entity, Passage, Row


class TextMissing(JobError):
    """A citation of the output whose text is not in the inputs, or is another text there."""


def with_texts(documents: Iterable[Document], output: Output, inputs: Sequence[str]) -> Iterator[Document]:
    """The same documents with the citation's whole text as passages, one for each section.

    :raises InputMissing: when an input is not there.
    :raises TextMissing: when a document is in no input, or another text is.
    """
    paths = _find(inputs)
    for source, group in groupby(documents, key=lambda document: document.key[0]):
        path = paths.get(source) or paths.get(source.rpartition("/")[2])
        if path is None:
            raise TextMissing(
                "an input of the run is not among --inputs",
                source,
                f"{len(paths)} other files",
                advice="add it",
            )
        hashes = _hashes(output, source)
        citations = _iter_citations(path)
        for document in group:
            yield _filled(document, _advance(citations, document), hashes.get(document.key[1]))


def _find(inputs: Sequence[str]) -> dict[str, Location]:
    """Inputs by what rows call them, and by their bare names: they may lie elsewhere than they did."""
    try:
        found = find_inputs(inputs)
        return {path.name: path for path in found} | {source_name(path): path for path in found}
    except SourceError as exc:
        raise InputMissing("no such input", exc.where, exc.got, exc.expected, "check the path") from exc


def _iter_citations(location: Location) -> Iterator[Citation]:
    with at_hand(location) as path:
        source = check_source(path)
        for piece in source.slices:
            for record in iter_records(path, source.format, piece):
                if isinstance(record, Citation):
                    yield record


def _hashes(output: Output, source: str) -> dict[int, str]:
    rows = output.citations.to_table(columns=["position", "text_sha256"], filter=pc.field("source") == source)
    return dict(zip(rows["position"].to_pylist(), rows["text_sha256"].to_pylist(), strict=True))


def _advance(citations: Iterator[Citation], document: Document) -> Citation | None:
    """The document's citation; documents come in the order of their file."""
    return next((citation for citation in citations if citation.position >= document.key[1]), None)


def _filled(document: Document, citation: Citation | None, text_sha256: str | None) -> Document:
    if citation is None or citation.position != document.key[1] or citation.text_sha256 != text_sha256:
        raise TextMissing(
            "the input does not hold the text that was tagged",
            f"{document.key[0]}, citation {document.doc_id}",
            "another text" if citation else "no such record",
            "the file that the output was made from",
            "give the same files as to `extract run`",
        )
    fields: Mapping[str, Field] = {field.name: field for field in citation.fields}
    rows = sorted(document.entities, key=lambda row: row["start"])
    passages = [
        _passage(fields[name], section, [row for row in rows if row["field"] == name])
        for name in fields
        for section in fields[name].sections
    ]
    return replace(document, passages=tuple(passages), whole=True)


def _passage(field: Field, section: Section, rows: Sequence[Row]) -> Passage:
    mine = [row for row in rows if section.start <= row["start"] < section.end]
    entities = tuple(Entity(row["start"] - section.start, row["end"] - section.start, row) for row in mine)
    return Passage(
        field.name, section.label, section.start, field.text[section.start : section.end], entities
    )
