"""Responsible for turning logits into mentions.

The best *legal* tag sequence is taken (Viterbi, 1967): ``I-X`` only after ``B-X`` or ``I-X``. No
transition has a weight of its own, so where the best tag of every token is legal already, that is the answer.
A token that begins within a number ("." and "7" in "25.7") is tied to the token before it: it cannot begin
a mention, nor end one. Where the bundle's rules keep words whole, so is one that begins within a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from extract.records import Mention

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_NUMBER = re.compile(r"\d+(?:[.,·]\d+)*")
_WORD = re.compile(r"[^\W_]+(?:(?<=\d)[.,·](?=\d)[^\W_]+)*")
"""Letters and digits that stand together, the decimal points of numbers included."""


@dataclass(frozen=True)
class TagSet:
    """The tags as states: 0 is ``O``, then a ``B-`` state a label, then an ``I-`` state a label."""

    labels: tuple[str, ...]
    columns: Ints
    """Output column of every state. *Shape:* ``(1 + 2 * labels,)``"""

    @classmethod
    def from_tags(cls, tags: Sequence[str]) -> TagSet:
        """From the tags in column order: ``O`` and one ``B-``, ``I-`` pair a label."""
        labels = tuple(tag[2:] for tag in tags if tag.startswith("B-"))
        names = ["O", *(f"B-{label}" for label in labels), *(f"I-{label}" for label in labels)]
        return cls(labels=labels, columns=np.array([tags.index(name) for name in names], np.int64))

    @property
    def begin(self) -> slice:
        """States that begin a mention."""
        return slice(1, 1 + len(self.labels))

    @property
    def inside(self) -> slice:
        """States that continue a mention, in the order of ``begin``."""
        return slice(1 + len(self.labels), None)


def find_glued(text: str, offsets: Sequence[tuple[int, int]], *, whole_words: bool = False) -> Bools:
    """Which tokens begin within a number.

    :param offsets: half-open character span of every token. *Shape of the result:* ``(tokens,)``
    :param whole_words: within a word too.
    """
    glued = np.zeros(len(offsets), bool)
    numbers = (_WORD if whole_words else _NUMBER).finditer(text)
    number = next(numbers, None)
    for index, (start, _) in enumerate(offsets):
        while number is not None and number.end() <= start:
            number = next(numbers, None)
        if number is None:
            break
        glued[index] = number.start() < start  # wherever it ends: "7mg" in "25.7mg" may be one token
    return glued


def is_legal(states: Ints, tags: TagSet, glued: Bools) -> bool:
    """Whether every continuation continues its own label, and no tied token begins or ends a mention.

    :param states: ``(tokens,)``; ``glued``: ``(tokens,)``.
    """
    n_labels = len(tags.labels)
    previous = np.concatenate([[0], states[:-1]])
    inside = states > n_labels
    continues = (previous == states) | (previous == states - n_labels)
    return bool(np.all(np.where(inside, continues, ~glued | ((states == 0) & (previous == 0)))))


def best_states(emissions: Floats, tags: TagSet, glued: Bools) -> Ints:
    """States of the legal sequence with the greatest sum of logits.

    :param emissions: logits by state, ``(tokens, states)``; ``glued``: ``(tokens,)``.
    :return: ``(tokens,)``
    """
    states = emissions.argmax(axis=1)
    return states if is_legal(states, tags, glued) else _viterbi(emissions, tags, glued)


def _viterbi(emissions: Floats, tags: TagSet, glued: Bools) -> Ints:
    n_tokens, n_states = emissions.shape
    begin, inside = tags.begin, tags.inside
    begin_states, inside_states = np.arange(n_states)[begin], np.arange(n_states)[inside]
    back = np.zeros((n_tokens, n_states), np.int64)
    score = emissions[0].astype(np.float64)
    score[inside] = -np.inf
    for step in range(1, n_tokens):
        # Only the best state matters to what may follow anything, so a step costs O(labels), not O(labels²).
        back[step] = 0 if glued[step] else score.argmax()
        back[step, inside] = np.where(score[begin] >= score[inside], begin_states, inside_states)
        score = score[back[step]] + emissions[step]
        if glued[step]:
            score[begin] = -np.inf
    path = np.empty(n_tokens, np.int64)
    path[-1] = score.argmax()
    for step in range(n_tokens - 1, 0, -1):
        path[step - 1] = back[step, path[step]]
    return path


def find_mentions(
    text: str,
    offsets: Sequence[tuple[int, int]],
    emissions: Floats,
    tags: TagSet,
    *,
    whole_numbers: bool,
    whole_words: bool = False,
) -> tuple[Mention, ...]:
    """Mentions of a text, with exact character bounds and scores.

    A mention spans from its first token's first character to its last token's last; its score is the
    geometric mean of the softmax probabilities of its tags.

    :param offsets: half-open character span of every token; ``emissions``: ``(tokens, states)``.
    """
    if whole_numbers or whole_words:
        glued = find_glued(text, offsets, whole_words=whole_words)
    else:
        glued = np.zeros(len(offsets), bool)
    states = best_states(emissions, tags, glued)
    shifted = emissions - emissions.max(axis=1, keepdims=True)
    log_probability = shifted[np.arange(len(states)), states] - np.log(np.exp(shifted).sum(axis=1))
    found = []
    for first, last in _spans(states.tolist(), len(tags.labels)):
        score = float(np.exp(log_probability[first:last].mean()))
        found.append(Mention(offsets[first][0], offsets[last - 1][1], tags.labels[states[first] - 1], score))
    return tuple(found)


def _spans(states: list[int], n_labels: int) -> Iterator[tuple[int, int]]:
    """Half-open token spans of the mentions of a legal sequence."""
    first = None
    for index, state in enumerate([*states, 0]):
        if first is not None and state <= n_labels:
            yield first, index
            first = None
        if 0 < state <= n_labels:
            first = index
