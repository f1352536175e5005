"""Responsible for source files: what each is, whether it is whole, and how to read a slice of it.

:func:`check_source` reads a file once from end to end before anything of it is committed;
:func:`iter_records` then reads one slice. Both refuse a file with a :class:`~extract.errors.SourceError`
whose ``what`` is a code of :mod:`extract.reasons`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extract import medline, reasons
from extract.bytestream import DEFAULT_LIMITS, DOWNLOAD_AGAIN, Limits, iter_capped, translated_errors
from extract.errors import SourceError
from extract.records import Citation, Deletion, Rejected
from extract.slices import Slice
from extract.xmlstream import read_head

__all__ = ["Record", "Slice", "SourceFile", "check_source", "iter_records"]

Record = Citation | Deletion | Rejected

MEDLINE_XML = "medline_xml"
DEFAULT_SLICE_RECORDS = 5000
_MD5 = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")
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
    sha256, n_bytes = _read_digests(path)
    file_format = sniff_format(path, limits)
    chunks = iter_capped(path, limits)
    slices = medline.scan(chunks, str(path), limits=limits, slice_records=slice_records)
    n_records = sum(piece.n_records for piece in slices)
    year, number = parse_number(path.name)
    return SourceFile(str(path), file_format, sha256, n_bytes, n_records, year, number, slices)


def iter_records(path: Path, file_format: str, piece: Slice) -> Iterator[Record]:
    """Yield the records of one slice, in order, in constant memory.

    :raises SourceError: ``record_count`` where the slice holds more or fewer than was planned, and
        whatever else shows that the file is not the one that was checked.
    """
    n_records = 0
    for record in medline.iter_records(path, piece):
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
    head = read_head(iter_capped(path, limits))
    if not head.strip():
        raise SourceError(reasons.EMPTY, str(path), "no content", advice=DOWNLOAD_AGAIN)
    return MEDLINE_XML


def parse_number(name: str) -> tuple[int | None, int | None]:
    """Read year and number from the name of a numbered file; (None, None) for any other."""
    match = _NUMBERED.match(name)
    return (2000 + int(match["year"]), int(match["number"])) if match else (None, None)


def _read_digests(path: Path) -> tuple[str, int]:
    """Hash the bytes on disk, and compare them with the ``.md5`` sidecar where there is one."""
    expected = _read_sidecar(path)
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    n_bytes = 0
    with translated_errors(path), path.open("rb") as file:
        while block := file.read(1 << 20):
            n_bytes += len(block)
            sha256.update(block)
            if expected:
                md5.update(block)
    if not n_bytes:
        raise SourceError(reasons.EMPTY, str(path), "0 bytes", advice=DOWNLOAD_AGAIN)
    if expected and md5.hexdigest() != expected:
        raise SourceError(reasons.MD5_MISMATCH, str(path), md5.hexdigest(), expected, DOWNLOAD_AGAIN)
    return sha256.hexdigest(), n_bytes


def _read_sidecar(path: Path) -> str | None:
    """The digest that ``NAME.md5`` states (``MD5(NAME)= hex``); None where there is no such file."""
    sidecar = path.with_name(path.name + ".md5")
    if not sidecar.exists():
        return None
    with translated_errors(sidecar):
        match = _MD5.search(sidecar.read_text("ascii", "replace"))
    if not match:
        raise SourceError(
            reasons.MD5_MISMATCH, str(sidecar), "no digest", "32 hexadecimal digits", DOWNLOAD_AGAIN
        )
    return match[0].lower()
