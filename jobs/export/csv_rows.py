"""Responsible for CSV (RFC 4180) of a live table, safe to open in a spreadsheet.

Spreadsheets run cells that begin like a formula. Quoting does not stop them, so such a cell gets an
apostrophe in front (OWASP, CWE-1236); ``-omics`` becomes ``'-omics``. For exact text take another format.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from jobs.export.documents import Row

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001


def iter_csv(rows: Iterable[Row], columns: Sequence[str]) -> Iterator[str]:
    """The header, then one line for each row."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        yield _taken(buffer)
        writer.writerow([to_cell(row[name]) for name in columns])
    yield _taken(buffer)


def to_cell(value: Any) -> Any:
    """The value as a cell: text disarmed, lists joined by semicolons, numbers as they are."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        value = ";".join(map(str, value))
    if isinstance(value, str):
        value = value.replace("\0", "\ufffd")  # no CSV reader takes a NUL
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return value


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
