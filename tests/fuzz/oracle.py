"""Responsible for what is right: reads a file with zlib and expat, and shares no code with the product.

Only the rules are the same: which elements are records, which PMIDs and versions are usable, what the text
of a title or a section is. Where a text has scripts or formulas, only its characters are compared, for how
these are written in a line is what ``extract.text`` alone defines.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

UNITS = {
    "PubmedArticleSet": ("PubmedArticle", "PubmedBookArticle", "DeleteCitation"),
    "MedlineCitationSet": ("MedlineCitation", "DeleteCitation"),
}
_XML_VERSION = re.compile("1[.][0-9]+")
"""Expat takes others too."""
_PMID = re.compile("[1-9][0-9]{0,8}")
_VERSION = re.compile("[1-9][0-9]{0,4}")
_SPACED = {"DispFormula", "br", "p", "li"}
_TOKENS = {"mi", "mn", "mo", "mtext", "ms"}
_UNWRITTEN = re.compile(r"[\s^_()/√\u2061-\u2064]+")
_MAX_VERSION = 32767
_SEPARATOR = "\x1f"
"""No document can hold it; expat calls a namespace that does a syntax error."""
_UNBOUND_PREFIX = expat.errors.codes[expat.errors.XML_ERROR_UNBOUND_PREFIX]
_BAD_PUBLIC_ID = re.compile(rb"""<!DOCTYPE[^>]*PUBLIC\s+(["'])[^"'>]*[^\s\w'()+,./:=?;!*#@$%"-]""")
"""Which expat does not notice."""
_STARTS = (
    "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffc\U00010000-\U000effff"
)
_NAME_STARTS = re.compile(f"[{_STARTS}]")
_NAME_CHARACTERS = re.compile(f"[{_STARTS}\u00b7\u0300-\u036f\u203f-\u2040]")
"""Of XML's fifth edition; without U+FFFD, which stands for what is no text here."""


@dataclass(frozen=True)
class Text:
    """The text of a title or section: exact, or its characters only."""

    label: str
    exact: str | None
    """None where there are scripts or formulas."""
    characters: str
    """Without white space and what scripts are written with."""
    all_characters: str
    """The same, if what looks like a formula is none: its prefix may be bound to nothing."""

    def agrees(self, text: str) -> bool:
        if self.exact is not None:
            return text == self.exact
        return sorted(characters_of(text)) in (sorted(self.characters), sorted(self.all_characters))


@dataclass(frozen=True)
class Expected:
    """One record. ``kind`` is ``citation``, ``deletion`` or ``rejected``."""

    kind: str
    pmid: int = 0
    version: int = 1
    title: Text | None = None
    sections: tuple[Text, ...] = ()
    mesh: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What a file is: records, or the reason why it must be refused."""

    must_refuse: str = ""
    """Empty for a file that holds exactly ``records``."""
    records: tuple[Expected, ...] = ()
    depth: int = 0
    is_odd: bool = False
    """Has what a reader may refuse although expat does not: namespaces, other encodings, odd declarations."""
    is_nbib: bool = False
    """Begins as a file of that format does, which takes anything behind it."""


def characters_of(text: str) -> str:
    """A text without white space and without what scripts are written with."""
    return _UNWRITTEN.sub("", text)


def decompressed(data: bytes) -> bytes | None:
    """The bytes of a file that may be gzip; None where they are damaged."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return None


def judge_bytes(data: bytes) -> Verdict:
    """Read a whole file."""
    text = decompressed(data)
    if text is None:
        return Verdict("damaged gzip")
    return replace(_judge_text(text, _SEPARATOR), is_nbib=text.startswith(b"PMID- "))


def _judge_text(text: bytes, separator: str | None) -> Verdict:
    """Parse, with namespaces or (without a separator) as if there were none."""
    # A byte order mark goes before what the declaration says.
    encoding = "utf-8" if text.startswith(b"\xef\xbb\xbf") else None
    parser, builder, seen = expat.ParserCreate(encoding, separator), TreeBuilder(), _Seen()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = seen.entity
    parser.SkippedEntityHandler = seen.entity
    parser.XmlDeclHandler = seen.declaration
    try:
        parser.Parse(text, True)
        root = builder.close()
    except (expat.ExpatError, LookupError, ValueError, AssertionError) as exc:
        newer = _with_newer_names(text, parser.ErrorByteIndex)
        if newer:
            return replace(_judge_text(newer, separator), is_odd=True)
        if getattr(exc, "code", 0) == _UNBOUND_PREFIX and separator:  # not an error of XML itself
            return replace(_judge_text(text, None), is_odd=True)
        return Verdict(f"not well-formed: {exc}")
    if seen.entities:
        return Verdict("entities")
    for element in root.iter():
        element.tag = element.tag.rpartition(_SEPARATOR)[2]  # names count without their namespace
    is_odd = seen.is_odd or b"xmlns" in text or b"\0" in text[:4] or bool(_BAD_PUBLIC_ID.search(text))
    return _judge_root(root, is_odd=is_odd)


def _with_newer_names(text: bytes, at: int) -> bytes | None:
    """Expat knows the names of XML's fourth edition, libxml2 those of the fifth: change such a name."""
    if not 0 <= at < len(text) or text[at] < 0xC2 or text.rfind(b"<", 0, at) < text.rfind(b">", 0, at):
        return None
    end = at + 1
    while end < len(text) and 0x80 <= text[end] < 0xC0:
        end += 1
    names = _NAME_CHARACTERS if text[at - 1 : at].isalnum() else _NAME_STARTS
    is_newer = names.fullmatch(text[at:end].decode("utf-8", "replace"))
    return text[:at] + b"x" + text[end:] if is_newer else None


class _Seen:
    """What the parser met beside elements."""

    def __init__(self) -> None:
        self.entities = False
        self.is_odd = False

    def entity(self, *_: object) -> None:
        self.entities = True

    def declaration(self, version: str, encoding: str | None, _standalone: int) -> None:
        self.is_odd = (encoding or "utf-8").lower() != "utf-8" or not _XML_VERSION.fullmatch(version)


def _judge_root(root: Element, *, is_odd: bool) -> Verdict:
    if root.tag not in UNITS:
        return Verdict("another root")
    records: list[Expected] = []
    for unit in root:
        if unit.tag not in UNITS[root.tag]:
            return Verdict(f"<{unit.tag}> among the records")
        if unit.tag == "DeleteCitation":
            records += [_identified("deletion", [order] if order.tag == "PMID" else []) for order in unit]
        else:
            records.append(_judge_unit(unit))
    return Verdict("", tuple(records), _depth(root), is_odd)


def _judge_unit(unit: Element) -> Expected:
    if unit.tag == "PubmedBookArticle":
        books = unit.findall("BookDocument")
        return _identified("citation", books[0].findall("PMID") if len(books) == 1 else [])
    citations = [unit] if unit.tag == "MedlineCitation" else unit.findall("MedlineCitation")
    if len(citations) != 1:
        return Expected("rejected")
    (citation,) = citations
    articles = citation.findall("Article")
    titles = [title for article in articles for title in article.findall("ArticleTitle")]
    abstracts = [abstract for article in articles for abstract in article.findall("Abstract")]
    if max(len(articles), len(titles), len(abstracts)) > 1:
        return Expected("rejected")
    title = next((_text(title, "title") for title in titles), None)
    sections = [
        _text(section, _label(section))
        for abstract in abstracts
        for section in abstract.findall("AbstractText")
    ]
    names = citation.findall("MeshHeadingList/MeshHeading/DescriptorName")
    return _identified(
        "citation",
        citation.findall("PMID"),
        title=title if title and title.characters else None,
        sections=tuple(section for section in sections if section.characters),
        mesh=tuple(" ".join(name.text.split()) for name in names if name.text),
    )


def _identified(
    kind: str,
    pmids: list[Element],
    title: Text | None = None,
    sections: tuple[Text, ...] = (),
    mesh: tuple[str, ...] = (),
) -> Expected:
    if len(pmids) != 1 or len(pmids[0]):
        return Expected("rejected")
    pmid, version = (pmids[0].text or "").strip(), pmids[0].get("Version", "1")
    if not _PMID.fullmatch(pmid) or not _VERSION.fullmatch(version) or int(version) > _MAX_VERSION:
        return Expected("rejected")
    return Expected(kind, int(pmid), int(version), title, sections, mesh)


def _label(section: Element) -> str:
    for name in ("Label", "NlmCategory"):
        label = " ".join((section.get(name) or "").split())
        if label and label.upper() not in ("UNLABELLED", "UNASSIGNED"):
            return label
    return "abstract"


def _text(element: Element, label: str) -> Text:
    is_marked = any(
        _local(child) in ("sup", "sub", "math") for child in element.iter() if child is not element
    )
    text = " ".join("".join(_strings(element, in_math=False)).split())
    everything = "".join(element.itertext())
    return Text(label, None if is_marked else text, characters_of(text), characters_of(everything))


def _strings(element: Element, *, in_math: bool) -> Iterator[str]:
    """The character data of an element, with spaces where blocks are."""
    if element.text and not in_math:
        yield element.text
    for child in element:
        name = _local(child)
        if not (in_math and name.startswith("annotation")):
            space = " " if name in _SPACED and not in_math else ""
            yield space
            yield from _strings(child, in_math=(in_math or name == "math") and name not in _TOKENS)
            yield space
        if child.tail and not in_math:
            yield child.tail


def _local(element: Element) -> str:
    return str(element.tag)


def _depth(element: Element) -> int:
    deepest, level = 0, [element]
    while level:
        deepest += 1
        level = [child for parent in level for child in parent]
    return deepest
