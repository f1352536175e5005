"""Responsible for carrying answers from one model's tokens to another's, by the characters they stand for.

A token that lies on another's takes its answer. One that begins inside another continues what that one
began: what was B- there is I- here. One that lies on several takes the first that is part of an entity, else
the first, as annotated entities are laid on tokens too (:mod:`compress.features`). A token on none has no
answer: its row is NaN.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from compress.features import IntArray

Floats = npt.NDArray[np.float32]


def carry_answers(
    answers: Floats, theirs: IntArray, ours: IntArray, text: str, tags: tuple[str, ...]
) -> Floats:
    """Probabilities ``(our tokens, tags)`` from those of ``(their tokens, tags)`` about the same text.

    :param theirs: ``(their tokens, 2)``: first character of each token, and one past its last.
    :param ours: the same of the tokens that get the answers.
    """
    carried = np.full((len(ours), len(tags)), np.nan, np.float32)
    if not len(ours) or not len(theirs):
        return carried
    starts = np.maximum.accumulate(_without_space(theirs, text))
    ends = np.maximum.accumulate(theirs[:, 1])
    firsts = np.searchsorted(ends, ours[:, 0], side="right")
    pasts = np.searchsorted(starts, ours[:, 1], side="left")
    found = np.flatnonzero(firsts < pasts)
    is_entity = answers.argmax(axis=1) != tags.index("O")
    chosen = firsts.copy()
    for token in np.flatnonzero(pasts - firsts > 1):
        part_of_one = np.flatnonzero(is_entity[firsts[token] : pasts[token]])
        chosen[token] += part_of_one[0] if len(part_of_one) else 0
    carried[found] = answers[chosen[found]]
    inside = found[starts[chosen[found]] < ours[found, 0]]
    carried[inside] = _continued(carried[inside], tags)
    return carried


def _without_space(bounds: IntArray, text: str) -> IntArray:
    """Where tokens begin, white space left out: some tokenizers count the space before a word to it."""
    starts = bounds[:, 0].copy()
    for token, (start, end) in enumerate(bounds):
        piece = text[start:end]
        starts[token] += len(piece) - len(piece.lstrip()) if not piece.isspace() else 0
    return starts


def _continued(answers: Floats, tags: tuple[str, ...]) -> Floats:
    """The answers of tokens that begin where an entity may go on, but none can begin."""
    moved = answers.copy()
    places = {tag: column for column, tag in enumerate(tags)}
    for tag, column in places.items():
        inside = places.get(f"I-{tag[2:]}")
        if tag.startswith("B-") and inside is not None:
            moved[:, inside] += moved[:, column]
            moved[:, column] = 0.0
    return moved
