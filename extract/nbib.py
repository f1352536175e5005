"""Responsible for MEDLINE text as PubMed exports it (``.nbib``): tagged lines, a blank line between records.

Taken are ``PMID``, the title ``TI``, the abstract ``AB`` and the headings ``MH`` (without qualifiers and the
star of major topics). Lines folded by indentation are joined by one space. Labels within a structured
abstract stand in its text in this format and stay there: the abstract is one section. ``OAB`` (other
abstracts) and ``CI`` (copyright) are left out. The format has no PMID versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from extract import reasons
from extract.bytestream import Limits, iter_capped, iter_chunks
from extract.errors import SourceError
from extract.lines import BYTE_ORDER_MARK, iter_lines
from extract.medline import parse_pmid
from extract.records import Citation, Rejected
from extract.slices import Slice, plan_slices
from extract.text import join_sections, squeeze

TAGGED_LINE = re.compile(rb"[A-Z][A-Z0-9]{1,3} *- ")
_PMID_TAG = b"PMID-"
_SHOWN_CHARACTERS = 64

Block = tuple[int, int, list[bytes]]
"""Where a record begins, one past its end, and its lines."""


def scan(path: Path, *, limits: Limits, slice_records: int) -> tuple[Slice, ...]:
    """Read a file to its end and plan its slices.

    :raises SourceError: ``too_large``, and what decompression raises.
    """
    lines = iter_lines(iter_capped(path, limits), str(path), start=0, max_bytes=limits.record_bytes)
    blocks = _iter_blocks(lines, path, max_bytes=limits.record_bytes)
    return plan_slices(((start, end, 1) for start, end, _ in blocks), slice_records)


def iter_records(path: Path, piece: Slice) -> Iterator[Citation | Rejected]:
    """Yield the records of one slice."""
    max_bytes = piece.end - piece.start
    chunks = iter_chunks(path, start=piece.start, end=piece.end)
    lines = iter_lines(chunks, str(path), start=piece.start, max_bytes=max_bytes)
    blocks = _iter_blocks(lines, path, max_bytes=max_bytes)
    for position, (_, _, block) in enumerate(blocks, piece.first_position):
        yield _parse_block(block, position)


def _iter_blocks(lines: Iterable[tuple[int, bytes]], path: Path, *, max_bytes: int) -> Iterator[Block]:
    """Group lines into records: a blank line ends one, and so does a second PMID."""
    block: list[bytes] = []
    start = end = 0
    for offset, raw in lines:
        line = raw.removeprefix(BYTE_ORDER_MARK)
        is_next = line.startswith(_PMID_TAG) and any(known.startswith(_PMID_TAG) for known in block)
        if block and (is_next or not line.strip()):
            yield start, end, block
            block = []
        if line.strip():
            if not block:
                start = offset
            block.append(line)
            end = offset + len(raw)
            if end - start > max_bytes:
                raise SourceError(
                    reasons.TOO_LARGE, str(path), "a longer record", f"at most {max_bytes} bytes"
                )
    if block:
        yield start, end, block


def _parse_block(block: list[bytes], position: int) -> Citation | Rejected:
    try:
        values = _read_tags([line.decode() for line in block])
    except UnicodeDecodeError as exc:
        return Rejected("", position, reasons.BAD_TEXT, f"got {exc.reason}, expected UTF-8")
    shown = " ".join(values.get("PMID", []))[:_SHOWN_CHARACTERS]
    pmid = parse_pmid(shown)
    if pmid is None:
        return Rejected(shown, position, reasons.BAD_PMID, f"got {shown!r}, expected 1 to 9 digits")
    titles = [("title", squeeze(title)) for title in values.get("TI", [])]
    abstracts = [("abstract", squeeze(abstract)) for abstract in values.get("AB", [])]
    fields = (join_sections("title", titles), join_sections("abstract", abstracts))
    mesh = tuple(heading.partition("/")[0].strip(" *") for heading in values.get("MH", []))
    return Citation(str(pmid), pmid, 1, position, tuple(field for field in fields if field), mesh)


def _read_tags(lines: list[str]) -> dict[str, list[str]]:
    """Collect the values of each tag, folded lines joined."""
    values: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines:
        if line[4:6] == "- ":
            current = values.setdefault(line[:4].strip(), [])
            current.append(line[6:].strip())
        elif line[:1].isspace() and current:
            current[-1] = f"{current[-1]} {line.strip()}"
    return values
