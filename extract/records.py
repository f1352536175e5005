"""Responsible for the values that travel between modules: citations, sentences, mentions.

All offsets are half-open character offsets ``[start, end)`` into a field's text, as the reader
built it (rule in :mod:`extract.text`), counted in Unicode code points as Python counts them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A labelled stretch of a field."""

    label: str
    """``title`` in a title; in an abstract the section's own label (``RESULTS``), else ``abstract``."""
    start: int
    """First character in the field's text."""
    end: int
    """One past the last character."""


@dataclass(frozen=True, slots=True)
class Field:
    """A text of a citation: its title or its abstract."""

    name: str
    """``title`` or ``abstract``."""
    text: str
    """The text that every offset of this field refers to. Never empty."""
    sections: tuple[Section, ...]
    """In order, without overlap; every character outside separators lies in one of them. At least one."""


@dataclass(frozen=True, slots=True)
class Citation:
    """One record of the literature, as read."""

    doc_id: str
    """The record's own identifier: the PMID in decimal for PubMed input, else the input's ``id``."""
    pmid: int | None
    """1 to 999,999,999; None for input that is not from PubMed."""
    pmid_version: int
    """PubMed's version of the record, 1 where nothing else is said."""
    position: int
    """0-based ordinal among the records of the source file."""
    fields: tuple[Field, ...]
    """Title first, then abstract; a field without text is absent."""
    mesh: tuple[str, ...] = ()
    """MeSH descriptor names, in order."""

    @property
    def text_sha256(self) -> str:
        """SHA-256 over field names and texts, each ended by a NUL: equal exactly when all text is equal."""
        digest = hashlib.sha256()
        for field in self.fields:
            digest.update(f"{field.name}\0{field.text}\0".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Deletion:
    """An order to delete a citation (``DeleteCitation`` of an update file)."""

    pmid: int
    pmid_version: int
    position: int
    """0-based ordinal in the source file, after all records that precede it."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was read but cannot be used. It is quarantined, never dropped."""

    doc_id: str
    """The identifier as far as it could be read, else empty."""
    position: int
    reason: str
    """A short code, such as ``bad_pmid``."""
    detail: str
    """What was got and what was expected, in one line."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of a field that goes through the model as one."""

    start: int
    """First character in the field's text."""
    end: int
    """One past the last character."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One entity found in a text. ``text[start:end]`` is what it says."""

    start: int
    end: int
    label: str
    score: float
    """Geometric mean of the probabilities of the tags on its tokens, 0 to 1."""
