"""Responsible for running text as packed sequences of tokens, each in a unit that is hidden as a whole.

A unit is a word with all its pieces, or a number with all of its: digits, points, commas, its sign and its
per cent sign ("-12.3", "1,204", "0.72", "95%"). A sequence holds whole sentences that follow each other in
one document, as many as fit. A longer sentence is cut where the sequence is full, between two units, and
what is left of it begins the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
import tokenizers

from compress.features import special_ids
from compress.gating.text import Document
from extract.records import Section
from extract.sentences import split_sentences

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SHORTEST = 8
"""Tokens, the special ones not counted; shorter sequences are left out: there is nothing to guess from."""

NUMBER = re.compile(
    r"(?:(?<![\w)\]%])[-+−±–])?"  # a sign, but no dash between two values
    r"(?<![\w.,·])"  # not from the middle of a word or number
    r"(?:\d{1,3}(?:[\u2009\u202f\u00a0]\d{3})+|\d+(?:[.,·]\d+)*|\.\d+)"
    r"(?:[ \u2009\u202f\u00a0]?%)?"
)
"""A number as one unit."""

_DOCUMENTS_AT_ONCE = 16


@dataclass(frozen=True)
class PackedText:
    """Sequences of token ids, one behind the other."""

    ids: npt.NDArray[np.int32]
    """All tokens, special ones left out."""
    units: npt.NDArray[np.int32]
    """The unit of each token, ascending."""
    numbers: Bools
    """True on tokens of a number."""
    bounds: Ints
    """Where each sequence begins, and last the number of tokens. *Shape:* ``(sequences + 1,)``"""

    @property
    def lengths(self) -> Ints:
        """Tokens of each sequence, with the two special ones that it is given."""
        return np.diff(self.bounds) + 2

    @property
    def n_tokens(self) -> int:
        """As :attr:`lengths` counts."""
        return int(self.lengths.sum())


def pack_documents(
    documents: Iterable[Document],
    tokenizer: tokenizers.Tokenizer,
    *,
    max_tokens: int = 128,
    enough: int | None = None,
) -> PackedText:
    """Sequences of at most ``max_tokens`` tokens, the two special ones included.

    :param enough: no further document is read once there are so many tokens.
    """
    room = max_tokens - len(special_ids(tokenizer))
    parts: list[_Tokens] = []
    lengths: list[int] = []
    found = 0
    remaining = iter(documents)
    while some := list(islice(remaining, _DOCUMENTS_AT_ONCE)):
        for tokens in _iter_tokens(some, tokenizer):
            for first, end in _plan(tokens, room):
                parts.append(tokens.between(first, end))
                lengths.append(end - first)
                found += end - first + 2
        if enough is not None and found >= enough:
            break
    whole = _Tokens.join(parts)
    bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    # A unit cut in two by the end of a sequence is two from here on.
    whole.starts[bounds[:-1]] = True
    return PackedText(whole.ids, np.cumsum(whole.starts, dtype=np.int32) - 1, whole.numbers, bounds)


@dataclass(frozen=True)
class _Tokens:
    """Tokens of a document, side by side."""

    ids: npt.NDArray[np.int32]
    starts: Bools
    """True where a unit begins."""
    numbers: Bools
    sentences: Bools
    """True where a sentence begins."""

    @classmethod
    def join(cls, parts: Sequence[_Tokens]) -> _Tokens:
        nothing = np.zeros(0, np.bool_)
        return cls(
            np.concatenate([np.zeros(0, np.int32), *(part.ids for part in parts)]),
            np.concatenate([nothing, *(part.starts for part in parts)]),
            np.concatenate([nothing, *(part.numbers for part in parts)]),
            np.concatenate([nothing, *(part.sentences for part in parts)]),
        )

    def between(self, first: int, end: int) -> _Tokens:
        own = slice(first, end)
        return _Tokens(self.ids[own], self.starts[own], self.numbers[own], self.sentences[own])


def _iter_tokens(documents: Sequence[Document], tokenizer: tokenizers.Tokenizer) -> Iterator[_Tokens]:
    texts = [text for document in documents for text in document.paragraphs]
    encodings = iter(tokenizer.encode_batch(texts, add_special_tokens=False))
    for document in documents:
        yield _Tokens.join([_read_paragraph(text, next(encodings)) for text in document.paragraphs])


def _read_paragraph(text: str, encoding: tokenizers.Encoding) -> _Tokens:
    offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    words = np.array([-1 if word is None else word for word in encoding.word_ids], dtype=np.int64)
    starts = np.ones(len(words), dtype=np.bool_)
    starts[1:] = words[1:] != words[:-1]
    spans = np.array([match.span() for match in NUMBER.finditer(text)], dtype=np.int64).reshape(-1, 2)
    firsts = np.searchsorted(offsets[:, 1], spans[:, 0], side="right")
    ends = np.searchsorted(offsets[:, 0], spans[:, 1], side="left")
    starts &= ~_covered(firsts + 1, ends, len(words))
    sentences = np.zeros(len(words), dtype=np.bool_)
    begins = [sentence.start for sentence in split_sentences(text, [Section("", 0, len(text))])]
    places = np.searchsorted(offsets[:, 1], np.array(begins, dtype=np.int64), side="right")
    sentences[places[places < len(words)]] = True
    return _Tokens(
        np.array(encoding.ids, dtype=np.int32), starts, _covered(firsts, ends, len(words)), sentences
    )


def _covered(firsts: Ints, ends: Ints, count: int) -> Bools:
    """True at places within one of the half-open stretches; empty ones cover nothing."""
    real = firsts < ends
    change = np.zeros(count + 1, dtype=np.int64)
    np.add.at(change, firsts[real], 1)
    np.add.at(change, ends[real], -1)
    return np.cumsum(change[:-1]) > 0


def _plan(tokens: _Tokens, room: int) -> Iterator[tuple[int, int]]:
    """Half-open stretches of a document, each of at most ``room`` tokens."""
    begins = np.flatnonzero(tokens.sentences).tolist()
    first = 0
    for begin, end in zip(begins, [*begins[1:], len(tokens.ids)], strict=True):
        if end - first <= room:
            continue
        if begin > first:
            yield from _long_enough(first, begin)
            first = begin
        while end - first > room:
            cut = _last_start(tokens.starts, first, first + room)
            yield from _long_enough(first, cut)
            first = cut
    yield from _long_enough(first, len(tokens.ids))


def _long_enough(first: int, end: int) -> Iterator[tuple[int, int]]:
    if end - first >= SHORTEST:
        yield first, end


def _last_start(starts: Bools, first: int, full: int) -> int:
    """The last place up to ``full`` where a unit begins; ``full`` itself where one unit fills it all."""
    places = np.flatnonzero(starts[first + 1 : full + 1])
    return first + 1 + int(places[-1]) if len(places) else full
