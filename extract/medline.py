"""Responsible for MEDLINE and PubMed XML: every element name of these formats stands here and nowhere else.

Both roots are read, ``PubmedArticleSet`` and the ``MedlineCitationSet`` of 2016 and before. What is taken:

- ``PMID`` with its ``Version`` (1 where absent), checked against ``[1-9][0-9]{0,8}``;
- ``ArticleTitle``, the brackets of a translated title included;
- ``Abstract/AbstractText``, one section each. A section is called by its ``Label``, else by its
  ``NlmCategory``, else ``abstract``; ``UNLABELLED`` and ``UNASSIGNED`` count as no name;
- ``MeshHeading/DescriptorName``.

``OtherAbstract``, ``CopyrightInformation``, ``VernacularTitle`` and references are left out. Elements are
found by direct child paths, for the same names occur in references and corrections, and in any namespace.

A ``DeleteCitation`` gives one :class:`Deletion` for each ``PMID`` in it. A ``PubmedBookArticle`` (not part
of MEDLINE's files) is counted and its text is not read: it becomes a citation without fields, hence of
fate ``no_text``. A record without a usable PMID becomes a :class:`Rejected`, and so does one that has two of
what there is one of, as a file has that lost a line: which of them counts would be a guess. It costs no
other record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from extract import reasons
from extract.bytestream import Limits
from extract.records import Citation, Deletion, Field, Rejected
from extract.slices import Slice
from extract.text import join_sections, squeeze, text_of
from extract.xmlstream import Roots, iter_slice_units, local_name, scan_units

ROOTS: Roots = {
    "PubmedArticleSet": ("PubmedArticle", "PubmedBookArticle", "DeleteCitation"),
    "MedlineCitationSet": ("MedlineCitation", "DeleteCitation"),
}
_NO_LABELS = frozenset({"", "UNLABELLED", "UNASSIGNED"})
_PMID = re.compile(r"[1-9][0-9]{0,8}")
_VERSION = re.compile(r"[1-9][0-9]{0,4}")
MAX_PMID_VERSION = 32767
"""Versions are stored as 16-bit integers."""
_SHOWN_CHARACTERS = 64
"""Of an identifier that is wrong; it may be anything, of any length."""


def scan(path: Path, *, limits: Limits, slice_records: int) -> tuple[Slice, ...]:
    """Check a file and plan its slices (see :func:`extract.xmlstream.scan_units`)."""
    return scan_units(path, roots=ROOTS, count=_count_records, limits=limits, slice_records=slice_records)


def iter_records(path: Path, piece: Slice) -> Iterator[Citation | Deletion | Rejected]:
    """Yield the records of one slice."""
    position = piece.first_position
    for unit in iter_slice_units(path, piece, ROOTS):
        if local_name(unit) == "DeleteCitation":
            for order in unit:
                yield _parse_deletion([order] if local_name(order) == "PMID" else [], position)
                position += 1
        else:
            yield _parse_citation(unit, position)
            position += 1


def parse_pmid(text: str) -> int | None:
    """Read a PMID, with white space around it perhaps. None where it is none."""
    text = text.strip()
    return int(text) if _PMID.fullmatch(text) else None


def _count_records(unit: etree._Element) -> int:
    return len(unit) if local_name(unit) == "DeleteCitation" else 1


class _Repeated(Exception):
    """A record has several of what it has one of."""


def _parse_citation(unit: etree._Element, position: int) -> Citation | Rejected:
    name = local_name(unit)
    child = {"PubmedArticle": "MedlineCitation", "PubmedBookArticle": "BookDocument"}.get(name)
    pmids: list[etree._Element] = []
    try:
        citation = _only(unit, child) if child else unit
        if citation is None:
            return _identified([], position)
        pmids = _children(citation, "PMID")
        if child == "BookDocument":
            return _identified(pmids, position)
        return _identified(pmids, position, tuple(_iter_fields(citation)), _mesh_of(citation))
    except _Repeated as exc:
        shown = _shown(pmids[0]) if pmids else ""
        return Rejected(shown, position, reasons.BAD_RECORD, f"got {exc}, expected one")


def _children(parent: etree._Element, name: str) -> list[etree._Element]:
    return list(parent.iterchildren(f"{{*}}{name}"))


def _only(parent: etree._Element, name: str) -> etree._Element | None:
    """The child of this name, if there is one.

    :raises _Repeated: where there are several.
    """
    found = _children(parent, name)
    if len(found) > 1:
        raise _Repeated(f"{len(found)} elements {name}")
    return found[0] if found else None


def _identified(
    pmids: list[etree._Element], position: int, fields: tuple[Field, ...] = (), mesh: tuple[str, ...] = ()
) -> Citation | Rejected:
    """Make the citation, or say why its identity cannot be used."""
    deletion = _parse_deletion(pmids, position)
    if isinstance(deletion, Rejected):
        return deletion
    return Citation(str(deletion.pmid), deletion.pmid, deletion.pmid_version, position, fields, mesh)


def _shown(element: etree._Element) -> str:
    return (element.text or "").strip()[:_SHOWN_CHARACTERS]


def _parse_deletion(pmids: list[etree._Element], position: int) -> Deletion | Rejected:
    shown = _shown(pmids[0]) if pmids else ""
    if len(pmids) > 1 or (pmids and len(pmids[0])):
        got = f"{len(pmids)} of them" if len(pmids) > 1 else "one with elements inside"
        return Rejected(shown, position, reasons.BAD_PMID, f"got {got}, expected 1 to 9 digits")
    pmid = parse_pmid(pmids[0].text or "") if pmids else None
    if pmid is None:
        detail = f"got {shown!r}, expected 1 to 9 digits"
        return Rejected(shown, position, reasons.BAD_PMID, detail)
    version = pmids[0].get("Version", "1")
    if not _VERSION.fullmatch(version) or int(version) > MAX_PMID_VERSION:
        detail = f"got {version[:_SHOWN_CHARACTERS]!r}, expected 1 to {MAX_PMID_VERSION}"
        return Rejected(shown, position, reasons.BAD_VERSION, detail)
    return Deletion(pmid, int(version), position)


def _iter_fields(citation: etree._Element) -> Iterator[Field]:
    article = _only(citation, "Article")
    if article is None:
        return
    title = _only(article, "ArticleTitle")
    if title is not None:
        field = join_sections("title", [("title", text_of(title))])
        if field:
            yield field
    abstract = _only(article, "Abstract")
    if abstract is not None:
        sections = _children(abstract, "AbstractText")
        field = join_sections("abstract", ((_label_of(section), text_of(section)) for section in sections))
        if field:
            yield field


def _label_of(section: etree._Element) -> str:
    for name in ("Label", "NlmCategory"):
        label = squeeze(section.get(name, ""))
        if label.upper() not in _NO_LABELS:
            return label
    return "abstract"


def _mesh_of(citation: etree._Element) -> tuple[str, ...]:
    names = citation.iterfind("{*}MeshHeadingList/{*}MeshHeading/{*}DescriptorName")
    return tuple(squeeze(name.text) for name in names if name.text)
