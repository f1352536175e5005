"""Responsible for PubTator: a title line, an abstract line, a line for each entity, a blank line.

Format: https://www.ncbi.nlm.nih.gov/research/pubtator3/. Offsets count over title, one separator and
abstract. The format knows no escapes, so characters that would end a line become spaces, one for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobs.export.documents import FIELDS, Document

# Everything that str.splitlines ends a line at, and the tab that separates columns.
_BREAKS = {ord(char): " " for char in "\n\r\t\v\f\x1c\x1d\x1e\x85\u2028\u2029"}
_NO_IDENTIFIER = "-"


def iter_pubtator(documents: Iterable[Document]) -> Iterator[str]:
    """One block of text for each document."""
    for document in documents:
        doc_id = "_".join(document.doc_id.replace("|", " ").split())
        texts, places = _layout(document)
        lines = [f"{doc_id}|t|{texts['title']}", f"{doc_id}|a|{texts['abstract']}"]
        lines += [
            f"{doc_id}\t{start}\t{end}\t{_line(text)}\t{_line(label)}\t{_NO_IDENTIFIER}"
            for start, end, text, label in places
        ]
        yield "\n".join(lines) + "\n\n"


def _layout(document: Document) -> tuple[dict[str, str], list[tuple[int, int, str, str]]]:
    """The text of both fields, and the entities with offsets over the whole."""
    texts: dict[str, str] = {}
    places: list[tuple[int, int, str, str]] = []
    start = 0
    for name in FIELDS:
        text = ""
        for passage in (passage for passage in document.passages if passage.field == name):
            text += " " if text else ""
            for entity in passage.entities:
                at = start + len(text)
                label = entity.row["label"]
                words = passage.text[entity.start : entity.end]
                places.append((at + entity.start, at + entity.end, words, label))
            text += passage.text
        texts[name] = _line(text)
        start += len(text) + 1
    return texts, places


def _line(text: str) -> str:
    """The text as part of a line, of the same length; nothing in it looks like the mark of a field."""
    return text.translate(_BREAKS).replace("|t|", "/t/").replace("|a|", "/a/")
