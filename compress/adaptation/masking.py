"""Responsible for what is hidden from a model that is to guess it.

Whole units are hidden (:mod:`compress.adaptation.packing`), drawn anew each time: 15 % of the tokens. Of
the units, 80 % become mask tokens, 10 % random pieces and 10 % stay as they are, as BERT has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tokenizers

from compress.adaptation.packing import PackedText
from compress.errors import CheckpointError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MASKED, RANDOM = 0.8, 0.1
"""Shares of the hidden units that become mask tokens, and random pieces."""

_MASKS = ("[MASK]", "<mask>")


@dataclass(frozen=True)
class Pieces:
    """What of a vocabulary is needed to hide with."""

    mask: int
    first: int
    """Stands before each sequence: [CLS]."""
    last: int
    """Stands behind it: [SEP]."""
    ordinary: Ints
    """All ids but those of special tokens."""


@dataclass(frozen=True)
class MaskedBatch:
    """Sequences side by side with some of their tokens hidden."""

    input_ids: Ints
    """*Shape:* ``(batch, seq)``"""
    real: Bools | None
    """*Shape:* ``(batch, seq)``, true on tokens that are not padding; None where nothing is padded."""
    places: Ints
    """Indices of the hidden tokens in the flattened batch, ascending."""
    goals: Ints
    """What stood there."""
    numbers: Bools
    """True where that was part of a number."""


def read_pieces(tokenizer: tokenizers.Tokenizer, first: int, last: int) -> Pieces:
    """The pieces of a tokenizer; ``first`` and ``last`` are its special tokens around a text.

    :raises CheckpointError: it has no mask token.
    """
    vocabulary = tokenizer.get_vocab()
    ids = [vocabulary[token] for token in _MASKS if token in vocabulary]
    if not ids:
        expected = " or ".join(_MASKS)
        raise CheckpointError("no mask token", "tokenizer.json", "a vocabulary without one", expected)
    special = set(tokenizer.get_added_tokens_decoder())
    ordinary = np.array(sorted(set(vocabulary.values()) - special), dtype=np.int64)
    return Pieces(ids[0], first, last, ordinary)


def plan_batches(lengths: Ints, batch_tokens: int, rng: np.random.Generator) -> list[Ints]:
    """Every sequence once, in batches of equal length (nearly all) and at most ``batch_tokens`` tokens.

    How many there are depends on ``lengths`` alone.
    """
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    batches: list[Ints] = []
    place = 0
    while place < len(order):
        # Ascending lengths: the last of a batch is its longest.
        end = place + 1
        while end < len(order) and (end + 1 - place) * lengths[order[end]] <= batch_tokens:
            end += 1
        batches.append(order[place:end])
        place = end
    return [batches[index] for index in rng.permutation(len(batches))]


def hide(
    text: PackedText,
    sequences: Sequence[int] | Ints,
    pieces: Pieces,
    rng: np.random.Generator,
    *,
    share: float = 0.15,
    always_masked: bool = False,
) -> MaskedBatch:
    """One batch of these sequences, ``share`` of its tokens hidden, at least one unit.

    :param always_masked: hide by mask tokens alone, as for a measurement.
    """
    lengths = text.lengths[sequences]
    shape = (len(lengths), int(lengths.max()))
    # Padding is left out of attention and never asked for, so which id it has does not matter.
    ids, units = np.full(shape, pieces.last, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
    numbers = np.zeros(shape, dtype=np.bool_)
    ids[:, 0] = pieces.first
    for row, index in enumerate(sequences):
        own = slice(text.bounds[index], text.bounds[index + 1])
        inside = slice(1, lengths[row] - 1)
        ids[row, inside], units[row, inside], numbers[row, inside] = (
            values[own] for values in (text.ids, text.units, text.numbers)
        )
    hidden, fates = _draw(units.ravel(), rng, share)
    goals = ids.ravel()[hidden]
    shown = ids.ravel().copy()
    by_mask = np.ones_like(fates, np.bool_) if always_masked else fates < MASKED
    shown[hidden[by_mask]] = pieces.mask
    by_chance = hidden[~by_mask & (fates < MASKED + RANDOM)]
    shown[by_chance] = rng.choice(pieces.ordinary, len(by_chance))
    padded = int(lengths.min()) < shape[1]
    real = np.arange(shape[1])[None, :] < lengths[:, None] if padded else None
    return MaskedBatch(shown.reshape(shape), real, hidden, goals, numbers.ravel()[hidden])


def _draw(units: Ints, rng: np.random.Generator, share: float) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Places of the hidden tokens, and for each a number from 0 to 1 that its unit drew."""
    places = np.flatnonzero(units >= 0)
    _, unit_of, counts = np.unique(units[places], return_inverse=True, return_counts=True)
    order = rng.permutation(len(counts))
    n_tokens = np.cumsum(counts[order])
    taken = order[: max(1, int(np.searchsorted(n_tokens, share * len(places), side="right")))]
    fates = np.full(len(counts), np.nan)
    fates[taken] = rng.random(len(taken))
    drawn = fates[unit_of]
    return places[~np.isnan(drawn)], drawn[~np.isnan(drawn)]
