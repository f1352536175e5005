"""Responsible for source files: what each is, whether it is whole, and how to read a slice of it.

:func:`check_source` reads a file once from end to end before anything of it is committed;
:func:`iter_records` then reads one slice. Both refuse a file with a :class:`~extract.errors.SourceError`
whose ``what`` is a code of :mod:`extract.reasons`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from extract import jsonl, medline, nbib, parquet, reasons
from extract.bytestream import DEFAULT_LIMITS, DOWNLOAD_AGAIN, Limits, iter_capped
from extract.digests import read_digest
from extract.errors import SourceError
from extract.lines import BYTE_ORDER_MARK
from extract.records import Citation, Deletion, Rejected
from extract.slices import Slice
from extract.xmlstream import read_head

__all__ = ["DEFAULT_SLICE_RECORDS", "Record", "Slice", "SourceFile", "check_source", "iter_records"]

Record = Citation | Deletion | Rejected

DEFAULT_SLICE_RECORDS = 5000


class _Format(Protocol):
    """What a module that reads a format provides."""

    def scan(self, path: Path, *, limits: Limits, slice_records: int) -> tuple[Slice, ...]: ...

    def iter_records(self, path: Path, piece: Slice) -> Iterator[Record]: ...


_FORMATS: dict[str, _Format] = {
    "medline_xml": medline,
    "nbib": nbib,
    "jsonl": jsonl,
    "parquet": parquet,
}
_SUFFIXES = {".xml": "medline_xml", ".nbib": "nbib", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""What a name says counts only where the content says nothing."""
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NUMBERED = re.compile(r"[A-Za-z]+(?P<year>[0-9]{2})n(?P<number>[0-9]{4,})\.")
"""``pubmed26n0001.xml.gz``: the files of a year are numbered, baseline first, then updates."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An input file that has been read once and found whole."""

    path: str
    """As it was given."""
    format: str
    """``medline_xml``, ``nbib``, ``jsonl`` or ``parquet``."""
    sha256: str
    """Of the file's bytes as they lie on disk, 64 hexadecimal digits."""
    n_bytes: int
    """Size on disk."""
    n_records: int
    """Citations, deletions and rejected records together."""
    year: int | None
    """The release in its name, 2026 for ``pubmed26n0001``; None where the name has none."""
    number: int | None
    """The number in its name, 1 for ``pubmed26n0001``. Later numbers supersede earlier ones of a year."""
    slices: tuple[Slice, ...]
    """In order, together the whole file. Empty where the file has no records."""

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        data = {name: getattr(self, name) for name in self.__slots__}
        return data | {"slices": [piece.to_dict() for piece in self.slices]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> SourceFile:
        """From what :meth:`to_dict` gave."""
        slices = tuple(Slice.from_dict(piece) for piece in data["slices"])
        return cls(**{**{name: data[name] for name in cls.__slots__}, "slices": slices})


def check_source(
    path: Path, *, slice_records: int = DEFAULT_SLICE_RECORDS, limits: Limits = DEFAULT_LIMITS
) -> SourceFile:
    """Read a whole file once: checksums, decompression, structure, limits; and plan its slices.

    :raises SourceError: with the reason why nothing of this file may be taken in.
    """
    sha256, n_bytes = read_digest(path)
    file_format = sniff_format(path, limits)
    slices = _FORMATS[file_format].scan(path, limits=limits, slice_records=slice_records)
    n_records = sum(piece.n_records for piece in slices)
    year, number = parse_number(path.name)
    return SourceFile(str(path), file_format, sha256, n_bytes, n_records, year, number, slices)


def iter_records(path: Path, file_format: str, piece: Slice) -> Iterator[Record]:
    """Yield the records of one slice, in order, in constant memory.

    :raises SourceError: ``record_count`` where the slice holds more or fewer than was planned, and
        whatever else shows that the file is not the one that was checked.
    """
    n_records = 0
    for record in _FORMATS[file_format].iter_records(path, piece):
        n_records += 1
        yield record
    if n_records != piece.n_records:
        where = f"{path} slice {piece.index}"
        advice = "the file has changed since it was checked; start again"
        raise SourceError(reasons.RECORD_COUNT, where, str(n_records), f"{piece.n_records} records", advice)


def sniff_format(path: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """Tell the format by the content, whatever the name.

    :raises SourceError: ``empty``, ``unknown_format`` and what reading raises.
    """
    head = read_head(iter_capped(path, limits)).removeprefix(BYTE_ORDER_MARK).lstrip()
    if not head:
        raise SourceError(reasons.EMPTY, str(path), "no content", advice=DOWNLOAD_AGAIN)
    if head.startswith(parquet.MAGIC):
        return "parquet"
    if head.startswith((b"<", *_UTF16_MARKS)):
        return "medline_xml"
    if head.startswith(b"{"):
        return "jsonl"
    if nbib.TAGGED_LINE.match(head):
        return "nbib"
    suffix = Path(path.name.removesuffix(".gz")).suffix
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    expected = "PubMed XML, .nbib, JSON Lines or Parquet"
    raise SourceError(reasons.UNKNOWN_FORMAT, str(path), f"a beginning of {head[:20]!r}", expected)


def parse_number(name: str) -> tuple[int | None, int | None]:
    """Read year and number from the name, or URL, of a numbered file; (None, None) for any other."""
    match = _NUMBERED.match(name.rpartition("/")[2])
    return (2000 + int(match["year"]), int(match["number"])) if match else (None, None)
