"""Responsible for one input: reads it with the product, in two ways, and compares with the oracle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from extract import bytestream, xmlstream
from extract.errors import SourceError
from extract.records import Citation, Deletion, Field, Rejected
from extract.source import Record, SourceFile, check_source, iter_records
from tests.fuzz.mutate import mutate
from tests.fuzz.oracle import Expected, Text, Verdict, characters_of, judge_bytes
from tests.fuzz.seeds import Seeds

_CHUNKS = (1 << 18, 1, 4096, 64, 999)
_MOST_CHUNKS = 40
"""A file is not cut into more than this, for the sake of speed: tiny buffers go with tiny files."""
_HEADS = (1 << 16, 300, 700, 3000)
_EVERY = 1 << 40


@dataclass(frozen=True)
class Outcome:
    """How an input ended."""

    name: str
    """``accepted``, ``refused: CODE``, or what is wrong."""
    is_failure: bool = False
    detail: str = ""


def make_input(seeds: Seeds, seed: int, index: int) -> bytes:
    """Input number ``index``: always the same bytes."""
    dice = random.Random(seed * _EVERY + index)
    return mutate(seeds.make_file(dice), dice)


def judge_input(data: bytes, path: Path, index: int) -> Outcome:
    """Read ``data`` as a file at ``path``, whole and in slices, with other buffers; say what is wrong."""
    path.write_bytes(data)
    try:
        source, records = _read(path, (1, 2, 1000)[index % 3])
    except _Late as late:
        return Outcome(f"refused after the check: {late}", True)
    except SourceError as refusal:
        return _judge_refusal(refusal, data)
    except Exception as exc:  # any other exception is what this is looking for
        return Outcome(f"raised {type(exc).__name__}", True, repr(exc)[:300])
    outcome = _judge_records(source, records, judge_bytes(data))
    if outcome.is_failure or index % 2:
        return outcome
    return _judge_again(path, records, index // 2, len(data)) or outcome


class _Late(Exception):
    """A file was refused when its check had found it whole."""


def _read(path: Path, slice_records: int) -> tuple[SourceFile, list[Record]]:
    source = check_source(path, slice_records=slice_records)
    try:
        return source, [
            record for piece in source.slices for record in iter_records(path, source.format, piece)
        ]
    except SourceError as exc:
        raise _Late(exc.what) from exc


def _judge_again(path: Path, records: list[Record], index: int, n_bytes: int) -> Outcome | None:
    """Read it in other slices, with buffers of other sizes: the records must be the same."""
    chunk = max(_CHUNKS[index % len(_CHUNKS)], n_bytes // _MOST_CHUNKS)
    with _buffers(chunk, _HEADS[index % len(_HEADS)]):
        try:
            again = _read(path, (1, 1000, 2)[index % 3])[1]
        except SourceError as refusal:
            expected = "no element in the first" in str(refusal)  # the root's tag is not in so small a head
            return None if expected else Outcome("refused with other buffers", True, str(refusal))
        except Exception as exc:
            return Outcome("raised with other buffers", True, repr(exc)[:300])
    return None if again == records else Outcome("other records in other slices", True)


@contextmanager
def _buffers(chunk: int, head: int) -> Iterator[None]:
    before = bytestream.CHUNK_BYTES, xmlstream.HEAD_BYTES
    bytestream.CHUNK_BYTES, xmlstream.HEAD_BYTES = chunk, head
    try:
        yield
    finally:
        bytestream.CHUNK_BYTES, xmlstream.HEAD_BYTES = before


def _judge_refusal(refusal: SourceError, data: bytes) -> Outcome:
    verdict = judge_bytes(data)
    may = verdict.must_refuse or verdict.is_odd or (refusal.what == "xml_limit" and verdict.depth > 250)
    if "\n" in str(refusal):
        return Outcome("a message of two lines", True, str(refusal))
    if not may:
        return Outcome(f"refused, but it is whole: {refusal.what}", True, str(refusal))
    return Outcome(f"refused: {refusal.what}")


def _judge_records(source: SourceFile, records: list[Record], verdict: Verdict) -> Outcome:
    if source.format != "medline_xml":
        lost = not verdict.is_nbib and not all(isinstance(record, Rejected) for record in records)
        return Outcome(
            f"{'wrongly ' if lost or not records else ''}read as {source.format}", lost or not records
        )
    if verdict.must_refuse:
        return Outcome("accepted, but it must be refused", True, verdict.must_refuse)
    if len(records) != len(verdict.records) or source.n_records != len(records):
        return Outcome("lost or doubled", True, f"{len(records)} records for {len(verdict.records)}")
    for position, (record, expected) in enumerate(zip(records, verdict.records, strict=True)):
        wrong = _difference(record, expected, position)
        if wrong:
            return Outcome(f"differs: {wrong}", True, f"{record!r:.300} / {expected!r:.300}")
    return Outcome("accepted")


def _difference(record: Record, expected: Expected, position: int) -> str:
    kind = {Citation: "citation", Deletion: "deletion", Rejected: "rejected"}[type(record)]
    if (kind, record.position) != (expected.kind, position):
        return "kind or position"
    if isinstance(record, Rejected):
        return ""
    if (record.pmid, record.pmid_version) != (expected.pmid, expected.version):
        return "PMID or version"
    if isinstance(record, Deletion):
        return ""
    fields = {field.name: field for field in record.fields}
    titles = (expected.title,) if expected.title else ()
    if not _agrees(fields.get("title"), titles):
        return "title"
    if not _agrees(fields.get("abstract"), expected.sections):
        return "abstract"
    return "" if record.mesh == expected.mesh else "headings"


def _agrees(field: Field | None, expected: tuple[Text, ...]) -> bool:
    if field is None:
        return not expected
    parts = [(section.label, field.text[section.start : section.end]) for section in field.sections]
    if "\n".join(text for _, text in parts) != field.text:
        return False
    parts = [part for part in parts if characters_of(part[1])]
    return len(parts) == len(expected) and all(
        label == text.label and text.agrees(part) for (label, part), text in zip(parts, expected, strict=True)
    )
