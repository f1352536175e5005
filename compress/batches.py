"""Responsible for grouping windows of nearly equal length into padded batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from compress.features import IGNORED, Window

# Windows are sorted by length only within a shuffled pool of this many batches: short and long
# sentences still meet in ever other company, at about 5 % padding.
_POOL_BATCHES = 32


@dataclass(frozen=True)
class Batch:
    """Windows side by side, padded to the longest."""

    indices: tuple[int, ...]
    """Which windows, as places in the sequence they came from."""
    input_ids: Tensor
    """*Shape:* ``(batch, seq)``"""
    tag_ids: Tensor
    """*Shape:* ``(batch, seq)``, :data:`compress.features.IGNORED` on padding."""
    attention_mask: Tensor | None
    """*Shape:* ``(batch, seq)``, true on real tokens; None where nothing is padded."""

    @property
    def real(self) -> Tensor:
        """True on tokens that are not padding. *Shape:* ``(batch, seq)``"""
        if self.attention_mask is None:
            return torch.ones_like(self.input_ids, dtype=torch.bool)
        return self.attention_mask

    def to(self, device: torch.device | str) -> Batch:
        """The same batch there."""
        mask = None if self.attention_mask is None else self.attention_mask.to(device)
        return Batch(self.indices, self.input_ids.to(device), self.tag_ids.to(device), mask)


def shuffled_batches(windows: Sequence[Window], batch_size: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Every window once, in random company of nearly its own length."""
    order = rng.permutation(len(windows))
    pool = batch_size * _POOL_BATCHES
    groups: list[list[int]] = []
    for start in range(0, len(order), pool):
        ranked = sorted(order[start : start + pool].tolist(), key=lambda index: len(windows[index].input_ids))
        groups += [ranked[place : place + batch_size] for place in range(0, len(ranked), batch_size)]
    for group in rng.permutation(len(groups)):
        yield collate(windows, groups[group])


def n_batches(n_windows: int, batch_size: int) -> int:
    """How many batches :func:`shuffled_batches` makes of so many windows."""
    pools, rest = divmod(n_windows, batch_size * _POOL_BATCHES)
    return pools * _POOL_BATCHES + -(-rest // batch_size)


def sorted_batches(windows: Sequence[Window], batch_size: int) -> Iterator[Batch]:
    """Every window once, by length: the order in which a model is asked."""
    ranked = sorted(range(len(windows)), key=lambda index: len(windows[index].input_ids))
    for start in range(0, len(ranked), batch_size):
        yield collate(windows, ranked[start : start + batch_size])


def collate(windows: Sequence[Window], indices: Sequence[int]) -> Batch:
    """One batch of the windows at ``indices``."""
    lengths = [len(windows[index].input_ids) for index in indices]
    # Padding is masked out of attention and loss, so which id it has does not matter.
    input_ids = torch.zeros(len(indices), max(lengths), dtype=torch.long)
    tag_ids = torch.full_like(input_ids, IGNORED)
    for row, index in enumerate(indices):
        input_ids[row, : lengths[row]] = torch.from_numpy(windows[index].input_ids)
        tag_ids[row, : lengths[row]] = torch.from_numpy(windows[index].tag_ids)
    padded = min(lengths) < max(lengths)
    mask = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None] if padded else None
    return Batch(tuple(indices), input_ids, tag_ids, mask)
