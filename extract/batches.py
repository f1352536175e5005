"""Responsible for cutting token sequences into windows and grouping windows into batches.

All windows of a batch have the same length, so nothing is ever padded: the model does no work on padding,
needs no mask, and answers a sentence the same whatever it is batched with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TOKENS_PER_BATCH = 512
"""Aim for the tokens of one model call: more falls out of a core's cache, fewer do not fill its kernels."""

Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one sentence's tokens that goes through the model as one."""

    sentence: int
    """Index of the sentence."""
    start: int
    """First token, counted without special tokens."""
    end: int
    """One past the last token."""
    keep_start: int
    """First token whose answer is taken from this window; neighbours with more context answer the rest."""
    keep_end: int
    """One past the last token whose answer is taken from this window."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of one length."""

    windows: tuple[Window, ...]
    input_ids: npt.NDArray[np.int64]
    """*Shape:* ``(windows, tokens)``, special tokens included."""

    @property
    def n_padding(self) -> int:
        """Places that hold no token of any window, counted rather than taken for granted."""
        return self.input_ids.size - sum(window.end - window.start + 2 for window in self.windows)


def plan_windows(sentence: int, n_tokens: int, *, max_tokens: int, overlap: int) -> list[Window]:
    """Windows of at most ``max_tokens`` (two of them special) over a sentence; neighbours share ``overlap``.

    Every token is kept from exactly one window: the overlap is parted in its middle, so that a kept token
    has at least ``overlap // 2`` tokens of context on either side, or the sentence's end.
    """
    width = max_tokens - 2
    starts = [0]
    while starts[-1] + width < n_tokens:
        starts.append(starts[-1] + width - overlap)
    cuts = [0, *(start + overlap // 2 for start in starts[1:]), n_tokens]
    return [
        Window(sentence, start, min(start + width, n_tokens), keep_start, keep_end)
        for start, keep_start, keep_end in zip(starts, cuts[:-1], cuts[1:], strict=True)
    ]


def iter_batches(
    token_ids: Sequence[Ids], windows: Sequence[Window], *, start_token: int, end_token: int
) -> Iterator[Batch]:
    """Batches of equally long windows, shortest first; within a length in the order given."""
    by_length: dict[int, list[Window]] = defaultdict(list)
    for window in windows:
        by_length[window.end - window.start].append(window)
    for length in sorted(by_length):
        group = by_length[length]
        size = max(1, TOKENS_PER_BATCH // (length + 2))
        for first in range(0, len(group), size):
            yield _batch(token_ids, group[first : first + size], length, start_token, end_token)


def _batch(
    token_ids: Sequence[Ids], windows: list[Window], length: int, start_token: int, end_token: int
) -> Batch:
    input_ids = np.empty((len(windows), length + 2), np.int64)
    input_ids[:, 0] = start_token
    input_ids[:, -1] = end_token
    for row, window in zip(input_ids, windows, strict=True):
        row[1:-1] = token_ids[window.sentence][window.start : window.end]
    return Batch(windows=tuple(windows), input_ids=input_ids)
