"""Responsible for the tables of an output: their declared schemas, and Parquet written and read safely.

Pages carry checksums, because without them most flipped bits of a Parquet file are read back as data.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from extract.errors import OutputError
from extract.place import Place

SCHEMA_VERSION = 1
"""Raised when a column is added, removed or changes its meaning."""

_IDENTITY = (
    pa.field("pmid", pa.int64()),  # null for input that is not from PubMed
    pa.field("doc_id", pa.string(), nullable=False),
    pa.field("pmid_version", pa.int16(), nullable=False),
    pa.field("position", pa.int32(), nullable=False),  # 0-based ordinal in the source file
)
_ORIGIN = (
    pa.field("model", pa.string(), nullable=False),
    pa.field("model_sha256", pa.string(), nullable=False),
    pa.field("source", pa.string(), nullable=False),  # name of the input file
    pa.field("run_id", pa.string(), nullable=False),
)

ENTITIES: pa.Schema = pa.schema(
    [
        *_IDENTITY,
        pa.field("section", pa.string(), nullable=False),
        pa.field("field", pa.string(), nullable=False),  # title or abstract
        pa.field("start", pa.int32(), nullable=False),  # half-open, characters of the field's text
        pa.field("end", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
        pa.field("sentence", pa.string(), nullable=False),
        pa.field("sentence_start", pa.int32(), nullable=False),  # in the field's text
        *_ORIGIN,
    ]
)

_SPAN = (("start", pa.int32()), ("end", pa.int32()))
"""Half-open, characters of the field's text, as everywhere."""

ENDPOINTS: pa.Schema = pa.schema(
    [
        *_IDENTITY,
        pa.field("section", pa.string(), nullable=False),
        pa.field("field", pa.string(), nullable=False),
        pa.field("sentence", pa.string(), nullable=False),
        pa.field("sentence_start", pa.int32(), nullable=False),
        pa.field("endpoint", pa.string(), nullable=False),  # OS, PFS, DFS, DoR, ORR
        pa.field("measure", pa.string(), nullable=False),  # time or rate
        pa.field("value_state", pa.string(), nullable=False),  # reported, not_reached, not_estimable, missing
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string(), nullable=False),  # of value, lower and upper: months or percent
        pa.field("value_original", pa.float64()),  # as written, in value_unit
        pa.field("value_unit", pa.string()),
        pa.field("value_text", pa.string()),
        *(pa.field(f"value_{name}", kind) for name, kind in _SPAN),
        *(pa.field(f"restated_{name}", kind) for name, kind in _SPAN),
        *(
            pa.field(f"{bound}{name}", kind)
            for bound in ("lower", "upper")
            for name, kind in (
                ("", pa.float64()),
                ("_state", pa.string()),
                ("_start", pa.int32()),
                ("_end", pa.int32()),
            )
        ),
        pa.field("level", pa.float64()),  # of the interval, per cent
        *(pa.field(f"level_{name}", kind) for name, kind in _SPAN),
        pa.field("landmark", pa.float64()),  # months
        pa.field("landmark_original", pa.float64()),  # as written, in landmark_unit
        pa.field("landmark_unit", pa.string()),
        *(pa.field(f"landmark_{name}", kind) for name, kind in _SPAN),
        pa.field("group", pa.string()),  # arm or patient group, as named
        *(pa.field(f"group_{name}", kind) for name, kind in _SPAN),
        pa.field("score", pa.float32(), nullable=False),  # smallest among the joined mentions
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        *_ORIGIN,
    ]
)

CITATIONS: pa.Schema = pa.schema(
    [
        *_IDENTITY,
        pa.field("fate", pa.string(), nullable=False),
        pa.field("reason", pa.string()),  # why it was quarantined
        pa.field("text_sha256", pa.string()),  # null where the record could not be read
        pa.field("content_key", pa.binary(16)),  # equal exactly when tagging must give the same answer
        pa.field("n_sentences", pa.int32(), nullable=False),
        pa.field("n_gated_out", pa.int32(), nullable=False),
        pa.field("n_tokens", pa.int32(), nullable=False),
        pa.field("n_entities", pa.int32(), nullable=False),
        *_ORIGIN,
    ]
)

DELETIONS: pa.Schema = pa.schema(
    [
        pa.field("pmid", pa.int64(), nullable=False),
        pa.field("pmid_version", pa.int16(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
    ]
)

SCHEMAS: dict[str, pa.Schema] = {
    "entities": ENTITIES,
    "endpoints": ENDPOINTS,
    "citations": CITATIONS,
    "deletions": DELETIONS,
}
"""Schema of each kind of data file; the kind is also the name of its folder."""

FATES = ("extracted", "no_entities", "no_text", "quarantined")
"""Fates that a shard can give; ``superseded`` and ``deleted`` follow from other files: the view adds them."""


def write_table(table: pa.Table, stream: BinaryIO) -> None:
    """Write a table as Parquet: zstd, with a checksum on every page."""
    pq.write_table(table, stream, compression="zstd", write_page_checksum=True)


def read_table(path: Place, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a data file, or some columns of it, with its page checksums checked.

    From a store it is read whole: data files are small, and every range would be a request.

    :raises OutputError: when the file is missing or damaged.
    """
    try:
        source = path if isinstance(path, os.PathLike) else pa.BufferReader(path.read_bytes())
        with pq.ParquetFile(source, page_checksum_verification=True) as file:
            return file.read(columns=None if columns is None else list(columns))
    except (OSError, pa.ArrowException) as exc:
        raise OutputError(
            "data file cannot be read", path.name, str(exc), "Parquet", "find it with `extract verify`"
        ) from exc


def parse_table(data: bytes, name: str) -> pa.Table:
    """A data file that is in memory already, with its page checksums checked.

    :raises OutputError: when it is damaged.
    """
    try:
        with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as file:
            return file.read()
    except (OSError, pa.ArrowException) as exc:
        raise OutputError("data file cannot be read", name, str(exc), "Parquet") from exc


def digest_rows(table: pa.Table) -> str:
    """SHA-256 over the rows, ``run_id`` left out: the same for the same rows from any run and any writer."""
    digest = hashlib.sha256()
    for name in table.column_names:
        if name != "run_id":
            digest.update(json.dumps([name, table[name].to_pylist()], default=bytes.hex).encode())
    return digest.hexdigest()


def build_table(kind: str, columns: dict[str, Any]) -> pa.Table:
    """A table of one of the :data:`SCHEMAS` from its columns; a single string stands for all rows."""
    schema = SCHEMAS[kind]
    n_rows = len(columns["position"])
    arrays = [
        pa.array([value] * n_rows if isinstance(value, str) else value, type=field.type)
        for field, value in ((field, columns[field.name]) for field in schema)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
