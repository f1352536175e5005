"""Responsible for the elements of a large XML file, read in pieces, with memory bounded by one record.

It knows no element by name: callers say which root they take and which of its children they want
(*units*). A child of any other name is refused: records might be inside, and would be lost without a word.
Names count in whatever namespace. Entities are refused, external files never opened, and the parser's own
limits (depth 256, text of 10 MB) stay on. Plain files, as MEDLINE's are, go the quick way
(:mod:`extract.xmlruns`).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import NoReturn, cast
from xml.parsers import expat

from lxml import etree

from extract import reasons
from extract.bytestream import DOWNLOAD_AGAIN, Limits, iter_capped, iter_chunks
from extract.errors import SourceError
from extract.slices import Slice, plan_slices
from extract.xmlruns import PARSER_OPTIONS, NotPlain, iter_run_units, scan_runs, unit_pattern

HEAD_BYTES = 1 << 16
"""The root's start tag must come within this many bytes."""

Roots = Mapping[str, Sequence[str]]
"""Accepted root elements, each with the names of its children that are units."""


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace; nothing for an entity."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


class _RootFound(Exception):
    """Ends the search for the root element."""


def sniff_root(head: bytes, where: str) -> tuple[str, int]:
    """Name the root element of the XML that begins so, and tell where its start tag begins.

    :raises SourceError: ``xml_entities_forbidden`` for any entity declaration, ``xml_error``,
        ``bad_encoding``, ``not_pubmed`` for HTML.
    """
    found: list[tuple[str, int]] = []

    def refuse(name: str, *_: object) -> None:
        raise SourceError(
            reasons.XML_ENTITIES_FORBIDDEN, where, f"a declaration of entity {name[:40]!r}", "none"
        )

    def stop(name: str, _: object) -> None:
        found.append((name, parser.CurrentByteIndex))
        raise _RootFound

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = stop
    error = None
    try:
        parser.Parse(head, False)
    except _RootFound:  # what follows it is for the real parser
        pass
    except expat.ExpatError as exc:
        error = exc
    except (
        LookupError,
        ValueError,
    ) as exc:  # an encoding that Python does not know, or expat not from Python
        raise SourceError(reasons.BAD_ENCODING, where, str(exc), "UTF-8") from exc
    if head.lstrip()[:14].lower() == b"<!doctype html" or (found and found[0][0].lower() == "html"):
        raise SourceError(reasons.NOT_PUBMED, where, "an HTML page", advice=DOWNLOAD_AGAIN)
    if found:
        return found[0]
    if error is None:
        raise SourceError(reasons.XML_ERROR, where, f"no element in the first {len(head)} bytes")
    code = reasons.BAD_ENCODING if error.code in _EXPAT_ENCODING_ERRORS else reasons.XML_ERROR
    raise SourceError(code, where, f"{expat.ErrorString(error.code)}, line {error.lineno}") from error


def scan_units(
    path: Path,
    *,
    roots: Roots,
    count: Callable[[etree._Element], int],
    limits: Limits,
    slice_records: int,
) -> tuple[Slice, ...]:
    """Check a whole file and plan its slices, in one pass. ``count`` gives the number of records in a unit.

    A plain file goes the quick way. Any other is parsed by the pull parser; beside that, unit start tags
    are searched for: where parser and search find the same number of units they are the same ones
    (in well-formed UTF-8, ``<Name`` occurs outside a start tag only in comments, CDATA and
    processing instructions), and slices may begin there. Else the file becomes one slice.

    :raises SourceError: what :func:`sniff_root` and :func:`iter_units` raise, ``not_pubmed``, ``too_large``.
    """
    where = str(path)
    chunks = iter_capped(path, limits)
    head = read_head(chunks)
    root, _ = _checked_root(head[:HEAD_BYTES], where, roots)  # reading looks at no more either
    try:
        units = scan_runs(head, chunks, root, roots[root], count)
        if len(units) <= limits.xml_units and all(b - a <= limits.record_bytes for a, b, _ in units):
            return plan_slices(units, slice_records)
    except (NotPlain, etree.XMLSyntaxError):  # whether anything is wrong, and what, the exact way tells
        pass
    search = _TagSearch(root, roots[root], where, limits)
    counts = array("q")
    watched = search.watch(iter_capped(path, limits))
    for unit in iter_units(watched, where, roots[root], max_bytes=limits.record_bytes):
        if next(unit.iter(etree.Entity), None) is not None:
            got = f"an entity reference in the record at line {unit.sourceline}"
            raise SourceError(reasons.XML_ENTITIES_FORBIDDEN, where, got, "none")
        counts.append(count(unit))
        if len(counts) > limits.xml_units:
            raise SourceError(reasons.TOO_LARGE, where, f"more than {limits.xml_units} records")
    if counts and search.agrees(len(counts)):
        ends = chain(search.offsets[1:], [search.root_end])
        return plan_slices(zip(search.offsets, ends, counts, strict=True), slice_records)
    return plan_slices([(0, search.n_bytes, sum(counts))], slice_records)


def iter_slice_units(path: Path, piece: Slice, roots: Roots) -> Iterator[etree._Element]:
    """Yield the units of one slice, each valid until the next is asked for.

    A slice that does not begin the file is parsed between the file's own head (declaration, document
    type, root start tag) and a root end tag.

    :raises SourceError: ``xml_error`` and others where the file is not what was checked.
    """
    where = str(path)
    head = read_head(iter_chunks(path, end=HEAD_BYTES))
    root, start = _checked_root(head, where, roots)
    n_given = 0
    if piece.start > 0:
        try:
            body = iter_chunks(path, start=piece.start, end=piece.end)
            for unit in iter_run_units(head, body, root, roots[root]):
                yield unit
                n_given += 1
            return
        except (NotPlain, etree.XMLSyntaxError):
            pass  # the exact way goes on, or tells what is wrong
    body = iter_chunks(path, start=piece.start, end=piece.end)
    if piece.start > 0:
        tag = _START_TAG.match(head, start)
        body = chain([head[: tag.end()] if tag else head], body, [f"</{root}>".encode()])
    yield from islice(iter_units(body, where, roots[root]), n_given, None)


def iter_units(
    chunks: Iterable[bytes], where: str, tags: Sequence[str], *, max_bytes: int | None = None
) -> Iterator[etree._Element]:
    """Yield the root's children, which must have these names; each is emptied when the next is asked for.

    ``max_bytes`` bounds how long one may be, and with it the memory.

    :raises SourceError: ``xml_error``, ``xml_limit``, ``bad_encoding``, ``xml_entities_forbidden``,
        ``not_pubmed`` for a child of another name.
    """
    parser = etree.XMLPullParser(
        events=("end",),
        tag=tuple(f"{{*}}{tag}" for tag in tags),
        **PARSER_OPTIONS,
    )
    drain = _Drain(parser, where, tags)
    n_bytes = 0
    try:
        for chunk in chunks:
            parser.feed(chunk)
            n_bytes += len(chunk)
            for unit in drain.iter_finished():
                n_bytes = 0
                yield unit
            if max_bytes is not None and n_bytes > max_bytes:
                raise SourceError(reasons.XML_LIMIT, where, f"more than {max_bytes} bytes in one record")
        drain.check_end(parser.close())
        _check_log(parser, where)
    except etree.XMLSyntaxError as exc:
        raise _translated(exc, where) from exc


def _check_log(parser: etree.XMLPullParser, where: str) -> None:
    """lxml goes by the last thing that it has to say: a warning behind an error would hide the error."""
    for entry in parser.feed_error_log:
        if entry.level >= etree.ErrorLevels.ERROR:
            raise SourceError(reasons.XML_ERROR, where, f"{entry.message}, line {entry.line}")


def read_head(chunks: Iterator[bytes]) -> bytes:
    """Take chunks until they make a head, or all there are."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    return head


class _Drain:
    """Takes finished units from the parser, and sees that nothing else stands beside them."""

    def __init__(self, parser: etree.XMLPullParser, where: str, tags: Sequence[str]) -> None:
        self._parser = parser
        self._where = where
        self._expected = " or ".join(f"<{tag}>" for tag in tags)
        self._last: etree._Element | None = None

    def iter_finished(self) -> Iterator[etree._Element]:
        for _, event in self._parser.read_events():
            unit = cast(etree._Element, event)
            parent = unit.getparent()
            if parent is None or parent.getparent() is not None:
                continue  # a name that is used again deeper down is no unit
            previous = unit.getprevious()
            if previous is not self._last:
                self._refuse(previous)
            yield unit
            unit.clear()
            if previous is not None:
                parent.remove(previous)
            self._last = unit

    def check_end(self, root: etree._Element) -> None:
        """What follows the last unit, or all there is."""
        last = next(root.iterchildren(reversed=True), None)
        if last is not self._last:
            self._refuse(last)

    def _refuse(self, stranger: etree._Element | None) -> NoReturn:
        name = "" if stranger is None else local_name(stranger)
        if stranger is None or not name:
            raise SourceError(
                reasons.XML_ENTITIES_FORBIDDEN, self._where, "an entity among the records", "none"
            )
        got = f"<{name[:80]}> among the records, line {stranger.sourceline}"
        raise SourceError(reasons.NOT_PUBMED, self._where, got, self._expected)


def _checked_root(head: bytes, where: str, roots: Roots) -> tuple[str, int]:
    root, start = sniff_root(head, where)
    if root not in roots:
        expected = " or ".join(f"<{name}>" for name in roots)
        raise SourceError(reasons.NOT_PUBMED, where, f"root element <{root[:80]}>", expected)
    return root, start


_START_TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")


class _TagSearch:
    """Finds where units begin, in the bytes that pass by."""

    def __init__(self, root: str, tags: Sequence[str], where: str, limits: Limits) -> None:
        self.offsets = array("q")
        self.root_end = 0
        self.n_bytes = 0
        self._is_plain = True
        self._unit = unit_pattern(tags)
        self._root_end = f"</{root}".encode()
        self._where = where
        self._max_bytes = limits.record_bytes

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Hand the chunks on, unchanged."""
        carry = b""
        for chunk in chunks:
            window = carry + chunk
            cut = max(window.rfind(b"<"), 0)  # every tag that begins before the last "<" is complete
            self._search(window, cut)
            self.n_bytes += cut
            carry = window[cut:]
            if len(carry) > self._max_bytes:
                raise SourceError(
                    reasons.XML_LIMIT, self._where, f"more than {self._max_bytes} bytes without a tag"
                )
            yield chunk
        self._search(carry, len(carry))
        self.n_bytes += len(carry)

    def agrees(self, n_units: int) -> bool:
        """Whether the places found are the parser's units beyond doubt."""
        return self._is_plain and n_units == len(self.offsets) and self.root_end > 0

    def _search(self, window: bytes, cut: int) -> None:
        """Search the first ``cut`` bytes of a window that begins at ``n_bytes``."""
        self.offsets.extend(self.n_bytes + match.start() for match in self._unit.finditer(window, 0, cut))
        end = window.rfind(self._root_end, 0, cut)
        if end >= 0:
            self.root_end = self.n_bytes + end
        if self.offsets:
            body = max(self.offsets[0] - self.n_bytes, 0)
            if window.find(b"<!", body, cut) >= 0 or window.find(b"<?", body, cut) >= 0:
                self._is_plain = False


_ENCODING_ERRORS = frozenset(
    {
        etree.ErrorTypes.ERR_INVALID_ENCODING,
        etree.ErrorTypes.ERR_UNSUPPORTED_ENCODING,
        etree.ErrorTypes.ERR_UNKNOWN_ENCODING,
    }
)
_EXPAT_ENCODING_ERRORS = frozenset(
    expat.errors.codes[message]
    for message in (expat.errors.XML_ERROR_UNKNOWN_ENCODING, expat.errors.XML_ERROR_INCORRECT_ENCODING)
)


def _translated(exc: etree.XMLSyntaxError, where: str) -> SourceError:
    """Say it in our codes. The parser's message has the line already."""
    error = getattr(exc, "code", None)
    if error == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        entities = "entity" in str(exc)
        code = reasons.XML_ENTITIES_FORBIDDEN if entities else reasons.XML_LIMIT
    elif "too big" in str(exc):  # comments and the like have codes of their own
        code = reasons.XML_LIMIT
    elif error in _ENCODING_ERRORS:
        code = reasons.BAD_ENCODING
    else:
        code = reasons.XML_ERROR
    return SourceError(code, where, " ".join(str(exc).split()).removesuffix(" (<string>, line 0)"))
