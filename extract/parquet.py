"""Responsible for Parquet input: one row a record, with the columns of :mod:`extract.rows`.

Page checksums are verified where the file has them. Rows are decoded some thousand at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from extract import reasons
from extract.bytestream import Limits
from extract.errors import SourceError
from extract.records import Citation, Rejected
from extract.rows import ID_COLUMNS, TEXT_COLUMNS, parse_row
from extract.slices import Slice, plan_slices

MAGIC = b"PAR1"
_BATCH_ROWS = 1024


def scan(path: Path, *, limits: Limits, slice_records: int) -> tuple[Slice, ...]:
    """Decode the whole file once and plan its slices, in rows.

    :raises SourceError: ``parquet_corrupt``, ``bad_columns``.
    """
    with _opened(path) as file:
        columns = _checked_columns(file.schema_arrow, str(path))
        n_rows = sum(batch.num_rows for batch in file.iter_batches(_BATCH_ROWS, columns=columns))
    starts = range(0, n_rows, slice_records)
    ends = (min(start + slice_records, n_rows) for start in starts)
    return plan_slices(
        ((start, end, end - start) for start, end in zip(starts, ends, strict=True)), slice_records
    )


def iter_records(path: Path, piece: Slice) -> Iterator[Citation | Rejected]:
    """Yield the records of one slice."""
    with _opened(path) as file:
        columns = _checked_columns(file.schema_arrow, str(path))
        groups, skipped = _groups_of(file.metadata, piece)
        row_number = skipped
        for batch in file.iter_batches(_BATCH_ROWS, row_groups=groups, columns=columns):
            first, last = max(piece.start - row_number, 0), min(piece.end - row_number, batch.num_rows)
            for offset, row in enumerate(batch.slice(first, max(last - first, 0)).to_pylist()):
                yield parse_row(row, piece.first_position + row_number + first + offset - piece.start)
            row_number += batch.num_rows


def _groups_of(metadata: pq.FileMetaData, piece: Slice) -> tuple[list[int], int]:
    """The row groups that a slice touches, and the number of rows before the first of them."""
    groups: list[int] = []
    first_row = start = 0
    for index in range(metadata.num_row_groups):
        end = start + metadata.row_group(index).num_rows
        if start < piece.end and end > piece.start:
            if not groups:
                first_row = start
            groups.append(index)
        start = end
    return groups, first_row


def _checked_columns(schema: pa.Schema, where: str) -> list[str]:
    """The columns to read.

    :raises SourceError: ``bad_columns`` where identifiers or texts are missing or of another type.
    """
    found = [name for name in (*ID_COLUMNS, *TEXT_COLUMNS) if name in schema.names]
    if not set(found) & set(ID_COLUMNS) or not set(found) & set(TEXT_COLUMNS):
        got = ", ".join(schema.names)[:200]
        raise SourceError(reasons.BAD_COLUMNS, where, got, "pmid or id, and title, abstract or text")
    for name in found:
        kind = schema.field(name).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        textual = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
        if not textual and not (name in ID_COLUMNS and pa.types.is_integer(kind)):
            expected = "text" if name in TEXT_COLUMNS else "text or whole numbers"
            raise SourceError(reasons.BAD_COLUMNS, f"{where} column {name}", str(kind), expected)
    return found


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except FileNotFoundError as exc:
        raise SourceError(reasons.MISSING, str(path), "no such file") from exc
    except (pa.ArrowException, OSError) as exc:
        message = " ".join(str(exc).split())[:200]
        raise SourceError(reasons.PARQUET_CORRUPT, str(path), message, "a whole Parquet file") from exc
