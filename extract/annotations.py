"""Responsible for annotated sentences: reading training, dev and test data of any supported form.

Three forms are read, by file name:

``*.jsonl``
    one object a line: ``{"id", "text", "entities": [{"start", "end", "label"}]}``, with half-open
    character offsets; ``doc`` (the document the sentence is from) is optional.
``*.tsv``, ``*.conll``, ``*.iob``, ``*.iob2``, ``*.bio``
    token, TAB, tag (first and last column where there are more), a blank line between sentences;
    ``-DOCSTART-`` begins a document. The tokens joined by single spaces are the text.
``*.json``
    a Label Studio export, full or minimal; how it is read stands in :mod:`extract.label_studio`.

Each may be gzipped (``.gz``). Rule for tags: an ``I-X`` that does not continue an entity ``X`` begins
one, so that the older IOB1 files, where only the second of two touching entities begins with ``B-``,
read as they were meant.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from extract.annotated import AnnotatedSentence, Span, parse_list, parse_object, parse_sentence, parse_span
from extract.errors import AnnotationError
from extract.label_studio import parse_export

__all__ = [
    "SUFFIXES",
    "AnnotatedSentence",
    "Span",
    "find_split",
    "labels_of",
    "read_annotations",
    "tags_of",
]

_TABLE_SUFFIXES = (".tsv", ".conll", ".iob", ".iob2", ".bio")
SUFFIXES = (".jsonl", ".json", *_TABLE_SUFFIXES)
"""What the name of an annotated file may end in, before an optional ``.gz``."""

_SPLIT_NAMES = {
    "train": ("train",),
    "dev": ("dev", "devel", "valid", "validation"),
    "test": ("test",),
}


def tags_of(labels: Iterable[str]) -> tuple[str, ...]:
    """The tags that a set of labels needs: ``O``, then ``B-X`` and ``I-X`` for each label in sorted order."""
    return ("O", *(f"{prefix}-{label}" for label in sorted(set(labels)) for prefix in "BI"))


def labels_of(sentences: Iterable[AnnotatedSentence]) -> tuple[str, ...]:
    """Every label in use, sorted."""
    return tuple(sorted({span.label for sentence in sentences for span in sentence.entities}))


def read_annotations(
    path: Path | str, *, report: Callable[[str], None] = lambda line: None
) -> list[AnnotatedSentence]:
    """All sentences of an annotated file, in order.

    :param report: told in a line each what annotators left open and how it was settled (Label Studio only).
    :raises AnnotationError: the file is missing, unreadable, of no known form, empty, or wrong somewhere.
    """
    path = Path(path)
    suffix = _suffix(path)
    if suffix not in SUFFIXES:
        forms = ", ".join(SUFFIXES)
        raise AnnotationError(
            "not an annotated file", str(path), suffix or "no suffix", f"one of {forms}, or one with .gz"
        )
    text = _read_text(path)
    if suffix == ".jsonl":
        sentences = list(_iter_jsonl(text, path))
    elif suffix == ".json":
        sentences = parse_export(_parse_json(text, str(path)), str(path), report)
    else:
        sentences = list(_iter_table(text, path))
    if not sentences:
        raise AnnotationError("no sentences", str(path), "an empty file", "at least one sentence")
    return sentences


def find_split(folder: Path | str, name: str) -> Path | None:
    """The file of a data folder that holds a split, or None.

    ``name`` is ``train``, ``dev`` (the file may say devel, valid or validation) or ``test``.

    :raises AnnotationError: ``folder`` is no folder, or holds two files for the same split.
    """
    folder = Path(folder)
    if not folder.is_dir():
        got = "a file" if folder.exists() else "nothing there"
        raise AnnotationError("no data folder", str(folder), got, "a folder with train, dev and test files")
    names = _SPLIT_NAMES[name]
    candidates = (
        folder / f"{stem}{suffix}{gz}" for stem in names for suffix in SUFFIXES for gz in ("", ".gz")
    )
    found = [path for path in candidates if path.is_file()]
    if len(found) > 1:
        raise AnnotationError(
            f"two files for {name}",
            str(folder),
            ", ".join(path.name for path in found),
            "one",
            "move the others away",
        )
    return found[0] if found else None


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.name.lower().endswith(".gz"):
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except FileNotFoundError as exc:
        raise AnnotationError("no such file", str(path)) from exc
    except UnicodeDecodeError as exc:
        got = f"byte 0x{data[exc.start]:02x} at {exc.start}"
        raise AnnotationError("not UTF-8 text", str(path), got, advice="save the file as UTF-8") from exc
    except (OSError, EOFError, zlib.error) as exc:
        raise AnnotationError("cannot be read", str(path), str(exc)) from exc


def _parse_json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise AnnotationError("not JSON", where, str(exc)) from exc


def _iter_jsonl(text: str, path: Path) -> Iterator[AnnotatedSentence]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        record = parse_object(_parse_json(line, where), where)
        sentence_id = str(record.get("id", number))
        entities = parse_list(record.get("entities"), "entities", where)
        spans = [parse_span(parse_object(entity, where), where) for entity in entities]
        yield parse_sentence(
            sentence_id, str(record.get("doc", sentence_id)), record.get("text"), spans, where
        )


def _iter_table(text: str, path: Path) -> Iterator[AnnotatedSentence]:
    documents = 0
    rows: list[tuple[str, str]] = []
    first_line = count = 0
    # One blank line more ends the last sentence like all others.
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        line = line.rstrip("\r")
        if line.startswith("-DOCSTART-"):
            documents += 1
        elif line.strip():
            first_line = first_line or number
            rows.append(_parse_row(line, f"{path}:{number}"))
        elif rows:
            count += 1
            sentence_id = f"{path.name}:{count}"
            words, spans = _join_tokens(rows)
            doc = f"{path.name}#{documents}" if documents else sentence_id
            yield parse_sentence(sentence_id, doc, words, spans, f"{path}:{first_line}")
            rows, first_line = [], 0


def _parse_row(line: str, where: str) -> tuple[str, str]:
    columns = line.split("\t") if "\t" in line else line.split()
    token, tag = columns[0].strip(), columns[-1].strip()
    if len(columns) < 2 or not token:
        raise AnnotationError("bad line", where, repr(line), "token TAB tag")
    if tag != "O" and (tag[:2] not in ("B-", "I-") or len(tag) < 3):
        raise AnnotationError("bad tag", where, repr(tag), "O, B-LABEL or I-LABEL")
    return token, tag


def _join_tokens(rows: list[tuple[str, str]]) -> tuple[str, list[Span]]:
    spans: list[Span] = []
    position = 0
    inside = ""
    for token, tag in rows:
        label, end = tag[2:], position + len(token)
        if label and tag[0] == "I" and label == inside:
            spans[-1] = Span(spans[-1].start, end, label)
        elif label:
            spans.append(Span(position, end, label))
        inside = label
        position = end + 1
    return " ".join(token for token, _ in rows), spans
