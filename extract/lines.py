"""Responsible for the lines of a byte stream, each with the place where it begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from extract import reasons
from extract.errors import SourceError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def iter_lines(
    chunks: Iterable[bytes], where: str, *, start: int, max_bytes: int
) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line) for each line, without its end (LF or CRLF). ``start`` is where the chunks begin.

    :raises SourceError: ``too_large`` for a line of more than ``max_bytes``.
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield start, line.removesuffix(b"\r")
            start += len(line) + 1
        if len(rest) > max_bytes:
            raise SourceError(reasons.TOO_LARGE, where, "a longer line", f"at most {max_bytes} bytes")
    if rest:
        yield start, rest.removesuffix(b"\r")
