"""Responsible for JSON Lines: one object a line, with the columns of :mod:`extract.rows`.

Blank lines are passed over. Every other line is a record; one that cannot be used becomes a
:class:`~extract.records.Rejected`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from extract import reasons
from extract.bytestream import Limits, iter_capped, iter_chunks
from extract.lines import BYTE_ORDER_MARK, iter_lines
from extract.records import Citation, Rejected
from extract.rows import parse_row
from extract.slices import Slice, plan_slices


def scan(path: Path, *, limits: Limits, slice_records: int) -> tuple[Slice, ...]:
    """Read a file to its end and plan its slices.

    :raises SourceError: ``too_large``, and what decompression raises.
    """
    lines = _iter_filled(iter_capped(path, limits), path, start=0, max_bytes=limits.record_bytes)
    return plan_slices(((offset, offset + len(line), 1) for offset, line in lines), slice_records)


def iter_records(path: Path, piece: Slice) -> Iterator[Citation | Rejected]:
    """Yield the records of one slice."""
    chunks = iter_chunks(path, start=piece.start, end=piece.end)
    lines = _iter_filled(chunks, path, start=piece.start, max_bytes=piece.end - piece.start)
    for position, (_, line) in enumerate(lines, piece.first_position):
        yield _parse_line(line, position)


def _iter_filled(
    chunks: Iterable[bytes], path: Path, *, start: int, max_bytes: int
) -> Iterator[tuple[int, bytes]]:
    for offset, line in iter_lines(chunks, str(path), start=start, max_bytes=max_bytes):
        if line.removeprefix(BYTE_ORDER_MARK).strip():
            yield offset, line


def _parse_line(line: bytes, position: int) -> Citation | Rejected:
    try:
        row = json.loads(line.removeprefix(BYTE_ORDER_MARK))
    except (ValueError, RecursionError) as exc:  # not JSON, not UTF-8, a number too long, nested too deep
        return Rejected("", position, reasons.BAD_LINE, f"got {exc}, expected a JSON object")
    if not isinstance(row, dict):
        return Rejected("", position, reasons.BAD_LINE, f"got a {type(row).__name__}, expected a JSON object")
    return parse_row(row, position)
