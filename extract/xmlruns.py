"""Responsible for runs of units, parsed some hundred kilobytes at a time: the quick way through plain XML.

A file is *plain* where its bytes show beyond doubt where its units are: UTF-8, no comment, CDATA section or
processing instruction behind the first unit, no entity but XML's own five, and a parser that finds in each
run as many children of the root as start tags were found in its bytes. A run is parsed between the
file's own root start tag and an end tag, so each is a whole document: a file all of whose runs are
well-formed is well-formed, and the parser's limits hold as for the file. What is not plain, or not in
order, is left to the pull parser (:mod:`extract.xmlstream`), which is exact for everything, gives the
errors, and takes twice the time.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from lxml import etree

RUN_BYTES = 1 << 20
"""A run is cut off before this many bytes; a record this large is left to the pull parser."""

PARSER_OPTIONS: Mapping[str, Any] = {
    # Before lxml 6.1 this was ignored by pull parsers (CVE-2026-41066): hence the floor in pyproject.toml.
    "resolve_entities": False,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "no_network": True,
    "huge_tree": False,
    "recover": False,
    "remove_comments": True,
    "remove_pis": True,
}
_ENCODING = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
_PLAIN_ENCODINGS = frozenset({b"utf-8"})  # runs are parsed without a declaration
_REFERENCES = (b"amp;", b"lt;", b"gt;", b"quot;", b"apos;", b"#")


class NotPlain(Exception):
    """The file has to be read by the pull parser."""


@dataclass(frozen=True, slots=True)
class Run:
    """Some units, one after the other."""

    data: bytes
    """From the first unit's start tag on; the last run of a file goes on to the file's end."""
    starts: Sequence[int]
    """Where units begin in ``data``, ascending from 0."""
    offset: int
    """Place of ``data`` in the decompressed stream."""
    is_last: bool = False
    """Whether nothing follows it."""


def scan_runs(
    head: bytes,
    chunks: Iterable[bytes],
    root: str,
    tags: Sequence[str],
    count: Callable[[etree._Element], int],
) -> list[tuple[int, int, int]]:
    """All units of a file that begins with ``head``: first byte, one past the last, number of records.

    :raises NotPlain: when the file is not plain.
    :raises etree.XMLSyntaxError: when it is not well-formed.
    """
    before = split_head(head, tags)
    parser = RunParser(before, root, tags)
    starts, counts = array("q"), array("q")
    for run in iter_runs(chain([head[len(before) :]], chunks), len(before), tags):
        counts.extend(map(count, parser.parse(run, has_end=run.is_last)))
        starts.extend(run.offset + start for start in run.starts)
    end = run.offset + run.data.rfind(f"</{root}".encode())
    return list(zip(starts, [*starts[1:], end], counts, strict=True))


def iter_run_units(
    head: bytes, chunks: Iterable[bytes], root: str, tags: Sequence[str]
) -> Iterator[etree._Element]:
    """The units in the bytes of a slice, of a file that begins with ``head``.

    :raises NotPlain: when the file is not plain.
    :raises etree.XMLSyntaxError: when it is not well-formed.
    """
    parser = RunParser(split_head(head, tags), root, tags)
    for run in iter_runs(chunks, 0, tags):
        yield from parser.parse(run, has_end=False)


def unit_pattern(tags: Sequence[str]) -> re.Pattern[bytes]:
    """Finds the start tags of units."""
    return re.compile(rb"<(?:%s)(?=[\s/>])" % "|".join(tags).encode())


def split_head(head: bytes, tags: Sequence[str]) -> bytes:
    """What stands before the first unit.

    :raises NotPlain: when no unit begins in the head, or its encoding is not one to search in, or it may
        declare something.
    """
    first = unit_pattern(tags).search(head)
    encoding = _ENCODING.match(head.removeprefix(b"\xef\xbb\xbf"))
    if first is None or (encoding and encoding[1].lower() not in _PLAIN_ENCODINGS):
        raise NotPlain
    before = head[: first.start()]
    if b"[" in before:  # a document type with declarations of its own
        raise NotPlain
    return before


def iter_runs(chunks: Iterable[bytes], offset: int, tags: Sequence[str]) -> Iterator[Run]:
    """Cut the bytes from a first unit on, which are at ``offset`` of the file, into runs.

    :raises NotPlain: when a run is not plain, as far as its bytes tell.
    """
    pattern = unit_pattern(tags)
    window, starts = b"", [0]
    for chunk in chunks:
        window += chunk
        starts = [match.start() for match in pattern.finditer(window)]
        if len(starts) > 1:
            cut = starts.pop()
            yield _checked(Run(window[:cut], starts, offset))
            window, starts, offset = window[cut:], [0], offset + cut
        if len(window) > RUN_BYTES:
            raise NotPlain
    yield _checked(Run(window, starts, offset, is_last=True))


def _checked(run: Run) -> Run:
    """
    :raises NotPlain: when there is more than elements and text in it.
    """
    data = run.data
    if not run.starts or run.starts[0] or any(_follows(data, mark, b"<") for mark in (b"!", b"?")):
        raise NotPlain
    at = data.find(b"&")
    while at >= 0:
        if not data.startswith(_REFERENCES, at + 1):
            raise NotPlain
        at = data.find(b"&", at + 1)
    return run


def _follows(data: bytes, mark: bytes, before: bytes) -> bool:
    """Whether a rare byte ever stands behind another. Ten times as quick here as a search for both."""
    at = data.find(mark, 1)
    while at >= 0:
        if data.startswith(before, at - 1):
            return True
        at = data.find(mark, at + 1)
    return False


class RunParser:
    """Parses the runs of one file."""

    def __init__(self, head: bytes, root: str, tags: Sequence[str]) -> None:
        """
        :param head: what stands before the first unit.
        :raises etree.XMLSyntaxError: when it is not in order.
        :raises NotPlain: when it does not end with the root's start tag.
        """
        self._end = f"</{root}>".encode()
        etree.fromstring(head + self._end, etree.XMLParser(**PARSER_OPTIONS))
        self._start = head[head.rindex(b"<") :]
        if not self._start.startswith(b"<" + root.encode()):
            raise NotPlain
        self._tags = frozenset(tags)
        # No identifiers are collected: a third of the time. Only here, where no document type is left: with
        # one, lxml 6.1 opens the external file that it names for this option, whatever the others forbid.
        self._parser = etree.XMLParser(**PARSER_OPTIONS, collect_ids=False)

    def parse(self, run: Run, *, has_end: bool) -> list[etree._Element]:
        """The units of a run. The root's end tag is added, except where it must be in the run's bytes.

        :raises etree.XMLSyntaxError: when it is not well-formed.
        :raises NotPlain: when the parser finds other units than the search, or has something to say.
        """
        document = b"".join((self._start, run.data, b"" if has_end else self._end))
        units = list(etree.fromstring(document, self._parser))
        if len(units) != len(run.starts) or any(unit.tag not in self._tags for unit in units):
            raise NotPlain
        if self._parser.error_log:  # an unbound prefix, which the pull parser does not take
            raise NotPlain
        return units
