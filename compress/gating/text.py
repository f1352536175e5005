"""Responsible for unlabelled documents that a gate is built from and measured on."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from compress.errors import CompressError
from extract import reasons
from extract.errors import SourceError
from extract.records import Citation, Section
from extract.sentences import split_sentences
from extract.source import check_source, iter_records, sniff_format

HEAD_CHARACTERS = 2000
"""Of a full text, what stands for its title and abstract: whole paragraphs up to about so much."""


@dataclass(frozen=True, slots=True)
class Document:
    """An unlabelled text."""

    id: str
    paragraphs: tuple[str, ...]
    head: str
    """What a citation of it would show: the paragraphs it begins with, or a citation's fields and MeSH."""

    @property
    def sentences(self) -> list[str]:
        """All its sentences, by the rule of production."""
        return [
            text[sentence.start : sentence.end]
            for text in self.paragraphs
            for sentence in split_sentences(text, [Section("", 0, len(text))])
        ]

    @property
    def is_held_out(self) -> bool:
        """Whether it is of the half that measures; the other half builds. By hash of the id."""
        return zlib.crc32(self.id.encode()) % 2 == 0


def read_documents(paths: Sequence[Path]) -> list[Document]:
    """The documents of all files: JSON Lines with ``doc`` and ``paragraphs``, any input of a run, or plain
    text, a paragraph a line. In plain text a blank line ends a document; where there is none, every line is
    one.

    :raises CompressError: when a file cannot be read.
    """
    return [document for path in paths for document in _read_file(path)]


def shuffled(documents: Sequence[Document]) -> list[Document]:
    """In an order that says nothing of their content, and is always the same."""
    return sorted(documents, key=lambda document: zlib.crc32(b"order" + document.id.encode()))


def _read_file(path: Path) -> list[Document]:
    expected = "JSON Lines with doc and paragraphs, an input of `extract run`, or plain text (.txt)"
    try:
        if _has_paragraphs(path):
            found = list(_iter_articles(path))
        else:
            found = list(_iter_plain(path) if _is_plain(path) else _iter_citations(path))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zlib.error, SourceError) as exc:
        raise CompressError("text cannot be read", str(path), str(exc), expected) from exc
    if not found:
        raise CompressError("text cannot be read", str(path), "no document", expected)
    return found


def _has_paragraphs(path: Path) -> bool:
    with _opened(path) as stream:
        first = stream.readline()
    return first.startswith(b"{") and "paragraphs" in json.loads(first)


def _opened(path: Path) -> gzip.GzipFile:
    packed = path.suffix == ".gz"
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _iter_articles(path: Path) -> Iterator[Document]:
    with _opened(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                article = json.loads(line)
                id, texts = str(article["doc"]), [str(text) for text in article["paragraphs"]]
            except (ValueError, KeyError, TypeError) as exc:
                raise ValueError(f"line {number}: {type(exc).__name__}: {exc}") from exc
            paragraphs = tuple(text for text in texts if text.strip())
            if paragraphs:
                yield Document(id, paragraphs, _head(paragraphs))


def _is_plain(path: Path) -> bool:
    """Whether a file is named as text, and is nothing better by its content."""
    if not path.name.removesuffix(".gz").endswith(".txt"):
        return False
    try:
        sniff_format(path)
    except SourceError as exc:
        return exc.what == reasons.UNKNOWN_FORMAT
    return False


def _iter_plain(path: Path) -> Iterator[Document]:
    with _opened(path) as stream:
        blocks = [
            block.splitlines()
            for block in re.split(r"\n[^\S\n]*\n", stream.read().decode("utf-8"))
            if block.strip()
        ]
    if len(blocks) == 1:
        blocks = [[line] for line in blocks[0]]
    for number, block in enumerate(blocks, start=1):
        if paragraphs := tuple(line for line in block if line.strip()):
            yield Document(f"{path.name}:{number}", paragraphs, _head(paragraphs))


def _head(paragraphs: Sequence[str]) -> str:
    kept: list[str] = []
    for text in paragraphs:
        if kept and sum(map(len, kept)) + len(text) > HEAD_CHARACTERS:
            break
        kept.append(text)
    return "\n".join(kept)


def _iter_citations(path: Path) -> Iterator[Document]:
    source = check_source(path)
    for piece in source.slices:
        for record in iter_records(path, source.format, piece):
            if isinstance(record, Citation) and record.fields:
                texts = tuple(part.text for part in record.fields)
                paragraphs = tuple(line for text in texts for line in text.split("\n"))
                yield Document(record.doc_id, paragraphs, "\n".join([*texts, *record.mesh]))
