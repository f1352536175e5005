"""Responsible for turning annotated sentences into token ids and tag ids.

A token gets the tag of the entity it overlaps in characters. Where an entity begins or ends inside a
token, the model can never give it back exactly; such entities are counted. A text of more tokens than
the window allows is read through overlapping windows, each responsible for its own part; none is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import tokenizers

from compress.errors import DataError
from extract.annotations import AnnotatedSentence, Span
from extract.batches import plan_windows

IGNORED = -100
"""Tag id of tokens without a tag ([CLS] and [SEP]), which the loss leaves out."""

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """What the model sees at once: one sentence, or a stretch of a long one."""

    sentence: int
    """Index of the sentence it is from."""
    input_ids: IntArray
    """*Shape:* ``(tokens + 2,)``, special tokens at both ends."""
    tag_ids: IntArray
    """*Shape:* ``(tokens + 2,)``, :data:`IGNORED` at both ends."""
    first: int
    """Index in the sentence of the first token that this window answers for."""
    own: slice
    """Those tokens, as positions of ``input_ids``."""


@dataclass(frozen=True)
class Features:
    """A data set as numbers."""

    sentences: tuple[AnnotatedSentence, ...]
    tags: tuple[str, ...]
    offsets: tuple[IntArray, ...]
    """For each sentence ``(tokens, 2)``: first character of each token, and one past its last."""
    windows: tuple[Window, ...]
    """At least one a sentence, in the sentences' order."""
    n_inexact: int
    """Entities that begin or end inside a token."""


def encode_sentences(
    sentences: Sequence[AnnotatedSentence],
    tokenizer: tokenizers.Tokenizer,
    tags: tuple[str, ...],
    *,
    max_tokens: int = 256,
    overlap: int = 64,
) -> Features:
    """Token ids and tag ids. Windows hold ``max_tokens`` tokens at most, special ones included.

    :raises DataError: an entity's label is not among ``tags``.
    """
    tag_ids = {tag: index for index, tag in enumerate(tags)}
    cls_id, sep_id = special_ids(tokenizer)
    overlap = min(overlap, (max_tokens - 2) // 2)
    windows: list[Window] = []
    offsets: list[IntArray] = []
    n_inexact = 0
    encodings = tokenizer.encode_batch([sentence.text for sentence in sentences], add_special_tokens=False)
    for index, (sentence, encoding) in enumerate(zip(sentences, encodings, strict=True)):
        bounds = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
        labelled, inexact = _tag_tokens(sentence, bounds, tag_ids)
        n_inexact += inexact
        offsets.append(bounds)
        ids = np.array(encoding.ids, dtype=np.int64)
        for planned in plan_windows(index, len(ids), max_tokens=max_tokens, overlap=overlap):
            start, end = planned.start, planned.end
            windows.append(
                Window(
                    sentence=index,
                    input_ids=np.concatenate([[cls_id], ids[start:end], [sep_id]]),
                    tag_ids=np.concatenate([[IGNORED], labelled[start:end], [IGNORED]]),
                    first=planned.keep_start,
                    own=slice(planned.keep_start - start + 1, planned.keep_end - start + 1),
                )
            )
    return Features(tuple(sentences), tags, tuple(offsets), tuple(windows), n_inexact)


def join_features(first: Features, second: Features) -> Features:
    """One data set of two that have the same tags."""
    shift = len(first.sentences)
    moved = tuple(replace(window, sentence=window.sentence + shift) for window in second.windows)
    return Features(
        (*first.sentences, *second.sentences),
        first.tags,
        (*first.offsets, *second.offsets),
        (*first.windows, *moved),
        first.n_inexact + second.n_inexact,
    )


def select_sentences(features: Features, indices: Iterable[int]) -> Features:
    """Some of the sentences, in this order. ``n_inexact`` stays that of all."""
    places = {int(index): place for place, index in enumerate(indices)}
    windows = [
        replace(window, sentence=places[window.sentence])
        for window in features.windows
        if window.sentence in places
    ]
    return Features(
        tuple(features.sentences[index] for index in places),
        features.tags,
        tuple(features.offsets[index] for index in places),
        tuple(sorted(windows, key=lambda window: window.sentence)),
        features.n_inexact,
    )


def without_tags(features: Features) -> Features:
    """The same text with no tag at all, as of sentences that nobody has annotated."""
    blank = [replace(window, tag_ids=np.full_like(window.tag_ids, IGNORED)) for window in features.windows]
    return replace(features, windows=tuple(blank))


def special_ids(tokenizer: tokenizers.Tokenizer) -> tuple[int, int]:
    """Ids of the tokens put before and behind every text.

    :raises DataError: the tokenizer does not put exactly one at each end.
    """
    ids = tokenizer.encode("").ids
    if len(ids) != 2:
        raise DataError(
            "unsupported tokenizer", "tokenizer.json", f"{len(ids)} special tokens", "one at each end"
        )
    return ids[0], ids[1]


def _tag_tokens(
    sentence: AnnotatedSentence, bounds: IntArray, tag_ids: dict[str, int]
) -> tuple[IntArray, int]:
    """Tag ids ``(tokens,)`` and the number of entities whose bounds no token bounds meet."""
    tagged = np.full(len(bounds), tag_ids["O"], dtype=np.int64)
    n_inexact = 0
    for span in sentence.entities:
        if f"B-{span.label}" not in tag_ids:
            raise DataError(
                "unknown label", f"sentence {sentence.id}", span.label, "a label of the training data"
            )
        covered = np.flatnonzero((bounds[:, 0] < span.end) & (bounds[:, 1] > span.start))
        # A token that two entities share stays with the first; the second is then inexact or lost.
        covered = covered[tagged[covered] == tag_ids["O"]]
        n_inexact += not _is_exact(span, bounds[covered])
        tagged[covered] = tag_ids[f"I-{span.label}"]
        tagged[covered[:1]] = tag_ids[f"B-{span.label}"]
    return tagged, n_inexact


def _is_exact(span: Span, bounds: IntArray) -> bool:
    return len(bounds) > 0 and int(bounds[0, 0]) == span.start and int(bounds[-1, 1]) == span.end
