"""Responsible for writing an export: the right format, to a file that appears whole or not at all."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from extract.output import FILE_NUMBER, Output
from jobs.durable import create_file, writing
from jobs.export.bioc_json import iter_bioc_json
from jobs.export.csv_rows import iter_csv
from jobs.export.documents import Document, iter_documents, iter_rows
from jobs.export.json_lines import iter_json_lines
from jobs.export.label_studio import iter_label_studio
from jobs.export.pubtator import iter_pubtator
from jobs.export.texts import with_texts

FORMATS = ("pubtator", "bioc-json", "jsonl", "csv", "label-studio")
TABLES = ("entities", "endpoints", "citations")


@dataclass(frozen=True)
class ExportReport:
    """What was written."""

    format: str
    file: Path
    n_items: int
    """Documents; rows where the format is ``csv``."""
    n_bytes: int

    def to_dict(self) -> dict[str, Any]:
        name = "rows" if self.format == "csv" else "documents"
        return {"format": self.format, "file": str(self.file), name: self.n_items, "bytes": self.n_bytes}


class _Counter:
    """Passes items on and counts them."""

    def __init__(self) -> None:
        self.n = 0

    def over(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.n += 1
            yield item


def write_export(
    output: Output, format_name: str, target: Path, *, table: str = "entities", inputs: Sequence[str] = ()
) -> ExportReport:
    """Write the live view in one of the :data:`FORMATS`, gzipped where ``target`` ends in ``.gz``.

    :param table: which of the :data:`TABLES`; for ``csv`` only.
    :param inputs: files to read whole texts from; without, texts are the sentences with entities.
    :raises TextMissing: when a text is not in ``inputs``; nothing is written then.
    :raises OutputUnwritable: when the file cannot be written.
    """
    counter = _Counter()
    if format_name == "csv":
        columns = [name for name in output[table].schema.names if name != FILE_NUMBER]
        pieces = iter_csv(counter.over(iter_rows(output, table)), columns)
    else:
        documents = iter_documents(output)
        if inputs:
            documents = with_texts(documents, output, inputs)
        pieces = _pieces(format_name, counter.over(documents), output)
    return ExportReport(format_name, target, *_counted(_write(target, pieces), counter))


def _counted(n_bytes: int, counter: _Counter) -> tuple[int, int]:
    return counter.n, n_bytes


def _pieces(format_name: str, documents: Iterable[Document], output: Output) -> Iterator[str]:
    match format_name:
        case "pubtator":
            return iter_pubtator(documents)
        case "bioc-json":
            return iter_bioc_json(documents, date=_date(output))
        case "jsonl":
            return iter_json_lines(documents)
        case "label-studio":
            return iter_label_studio(documents)
        case _:
            raise ValueError(f"no such format: {format_name!r}")


def _date(output: Output) -> str:
    """Day of the last run behind the view, so that the same output gives the same file."""
    runs = [shard.commit.run_id for shard in output.rows.shards]
    return max(runs).split("-")[1][:8] if runs else ""


def _write(target: Path, pieces: Iterable[str]) -> int:
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
    with writing(target):
        try:
            with create_file(temporary) as stream:
                with _compressed(stream, target) as packed:
                    for piece in pieces:
                        packed.write(piece.encode("utf-8", "replace"))
                n_bytes = stream.tell()
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    return n_bytes


@contextmanager
def _compressed(stream: BinaryIO, target: Path) -> Iterator[BinaryIO]:
    """The stream, gzipped where the file's name says so; without name and time, so that equal stays equal."""
    if target.suffix != ".gz":
        yield stream
        return
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=stream, mtime=0) as packed:
        yield packed  # type: ignore[misc]
