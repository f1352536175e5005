"""Responsible for rows of the user's own tables: ``pmid`` or ``id``, ``title``, ``abstract`` or ``text``.

JSON Lines and Parquet give such rows. Texts are taken exactly as they are, so that offsets fit the user's
strings; a text of white space alone counts as none. Where both are there, ``pmid`` goes before ``id`` and
``abstract`` before ``text``. Other columns are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping

from extract import reasons
from extract.medline import parse_pmid
from extract.records import Citation, Field, Rejected, Section

ID_COLUMNS = ("pmid", "id")
TEXT_COLUMNS = ("title", "abstract", "text")
_SHOWN_CHARACTERS = 64


def parse_row(row: Mapping[str, object], position: int) -> Citation | Rejected:
    """Make a citation of a row, or say why it cannot be one."""
    name, value = _identifier_of(row)
    doc_id = _text_of_id(value)
    if not doc_id:
        detail = f"got {name} {_shown(value)}, expected a pmid, or an id of text or whole number"
        return Rejected("", position, reasons.NO_ID, detail)
    pmid = parse_pmid(doc_id) if name == "pmid" else None
    if name == "pmid" and pmid is None:
        detail = f"got {_shown(value)}, expected 1 to 9 digits"
        return Rejected(doc_id[:_SHOWN_CHARACTERS], position, reasons.BAD_PMID, detail)
    abstract = "abstract" if row.get("abstract") is not None else "text"
    fields = []
    for field_name, column in (("title", "title"), ("abstract", abstract)):
        text = row.get(column)
        if text is None:
            continue
        if not isinstance(text, str) or not _is_storable(text):
            detail = f"got {column} {_shown(text)}, expected text that UTF-8 can hold"
            return Rejected(doc_id, position, reasons.BAD_TEXT, detail)
        if text.strip():
            fields.append(Field(field_name, text, (Section(field_name, 0, len(text)),)))
    return Citation(doc_id if pmid is None else str(pmid), pmid, 1, position, tuple(fields))


def _identifier_of(row: Mapping[str, object]) -> tuple[str, object]:
    for name in ID_COLUMNS:
        if row.get(name) is not None:
            return name, row[name]
    return "nothing", None


def _text_of_id(value: object) -> str:
    """An identifier as text; empty where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).strip()
    return text if _is_storable(text) else ""


def _is_storable(text: str) -> bool:
    """Whether UTF-8 can hold it. JSON can spell half a surrogate pair, which it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN_CHARACTERS]
