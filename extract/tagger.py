"""Responsible for running a bundle's model over sentences.

Results do not depend on what else is tagged in the same call, on the order, or on the number of workers:
batches are free of padding (:mod:`extract.batches`), activation scales are fixed when the model is built, and
a session uses one thread (:mod:`extract.session`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from extract.batches import Batch, Ids, iter_batches, plan_windows
from extract.bundle import ModelBundle, Probe
from extract.correction import Corrector
from extract.decode import Floats, Ints, TagSet, find_mentions
from extract.errors import BundleError, ProbeMismatch, TaggingError
from extract.records import Mention
from extract.session import can_share, open_session, open_shared_session


@dataclass(frozen=True)
class Tagged:
    """What a model found in a list of sentences."""

    mentions: list[tuple[Mention, ...]]
    """Mentions of each sentence, in order; offsets count from the sentence's first character."""
    n_tokens: Ints
    """Tokens of each sentence, special tokens left out. *Shape:* ``(sentences,)``"""
    n_computed: int
    """Tokens that went through the model: special tokens and the overlaps of long sentences included."""
    n_padding: int = 0
    """Of these, places of a batch that held no token of any window; batches of one length have none."""


class Tagger:
    """A loaded model. Made by :func:`open_tagger`; not to be shared between threads."""

    def __init__(
        self, bundle: ModelBundle, session: onnxruntime.InferenceSession, tokenizer: Tokenizer
    ) -> None:
        self.bundle = bundle
        self.shares_weights = False
        """Whether other processes of this host map the same weights."""
        self.note = ""
        """Why it does not share them although it should, in a line."""
        self._session = session
        self._tokenizer = tokenizer
        self._tags = TagSet.from_tags(bundle.tags)
        self._corrector = Corrector(bundle.reading.rules, bundle.reading.min_score)

    def tag(self, sentences: Sequence[str]) -> Tagged:
        """Mentions of every sentence.

        :raises TaggingError: when the runtime fails on a batch.
        """
        token_ids = self._tokenize(sentences)
        n_tokens = np.fromiter((len(ids) for ids in token_ids), np.int64, len(token_ids))
        mentions: list[tuple[Mention, ...]] = [()] * len(sentences)
        partial: dict[int, Floats] = {}
        n_computed = n_padding = 0
        for batch in self._batches(token_ids):
            logits = self._run(batch)
            n_computed += batch.input_ids.size
            n_padding += batch.n_padding
            for row in self._rows_to_decode(batch, logits, n_tokens):
                window = batch.windows[row]
                kept = logits[row, window.keep_start - window.start : window.keep_end - window.start]
                if len(kept) == n_tokens[window.sentence]:
                    mentions[window.sentence] = self._decode(sentences[window.sentence], kept)
                else:
                    whole = partial.setdefault(
                        window.sentence, np.empty((n_tokens[window.sentence], kept.shape[1]), np.float32)
                    )
                    whole[window.keep_start : window.keep_end] = kept
        for sentence, logits in partial.items():
            mentions[sentence] = self._decode(sentences[sentence], logits)
        return Tagged(mentions, n_tokens, n_computed, n_padding)

    def logits(self, sentences: Sequence[str]) -> list[Floats]:
        """Logits of every sentence's tokens, ``(tokens, tags)`` each; for checks, slower than :meth:`tag`."""
        token_ids = self._tokenize(sentences)
        n_tags = len(self.bundle.tags)
        whole = [np.empty((len(ids), n_tags), np.float32) for ids in token_ids]
        for batch in self._batches(token_ids):
            for window, row in zip(batch.windows, self._run(batch), strict=True):
                kept = row[window.keep_start - window.start : window.keep_end - window.start]
                whole[window.sentence][window.keep_start : window.keep_end] = kept
        return whole

    def _tokenize(self, sentences: Sequence[str]) -> list[Ids]:
        encodings = self._tokenizer.encode_batch_fast(list(sentences), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _batches(self, token_ids: list[Ids]) -> list[Batch]:
        reading = self.bundle.reading
        windows = [
            window
            for sentence, ids in enumerate(token_ids)
            if ids
            for window in plan_windows(
                sentence, len(ids), max_tokens=reading.max_tokens, overlap=reading.overlap
            )
        ]
        return list(
            iter_batches(token_ids, windows, start_token=reading.start_token, end_token=reading.end_token)
        )

    def _run(self, batch: Batch) -> Floats:
        """Logits of the batch's tokens, special tokens left out. *Shape:* ``(windows, tokens, tags)``"""
        try:
            (logits,) = self._session.run(["logits"], {"input_ids": batch.input_ids})
        except Exception as exc:  # the runtime's exceptions share no public base class
            shape = "x".join(str(size) for size in batch.input_ids.shape)
            raise TaggingError("the model failed", f"a batch of {shape} tokens", str(exc), "logits") from exc
        inner: Floats = logits[:, 1:-1]
        return inner

    def _rows_to_decode(self, batch: Batch, logits: Floats, n_tokens: Ints) -> list[int]:
        """Rows that can hold a mention, and all rows of sentences that are spread over several windows.

        Where ``O`` wins on every token, the best legal sequence is all ``O``: nothing to decode.
        """
        outside = self._tags.columns[0]
        speaks: npt.NDArray[np.bool_] = (logits.argmax(axis=2) != outside).any(axis=1)
        whole = np.fromiter(
            (n_tokens[window.sentence] == window.end - window.start for window in batch.windows),
            bool,
            len(speaks),
        )
        rows: list[int] = np.flatnonzero(speaks | ~whole).tolist()
        return rows

    def _decode(self, text: str, logits: Floats) -> tuple[Mention, ...]:
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        emissions = logits[:, self._tags.columns]
        reading = self.bundle.reading
        found = find_mentions(
            text,
            offsets,
            emissions,
            self._tags,
            whole_numbers=reading.whole_numbers,
            whole_words=reading.rules.whole_words,
        )
        return self._corrector.correct(text, found)


def open_tagger(bundle: ModelBundle, shared_weights: Path | None = None) -> Tagger:
    """A tagger that has answered the bundle's golden probe as expected.

    :param shared_weights: folder of this host for weights that its processes share
        (:mod:`extract.weights`). What goes wrong with it costs memory, no more.
    :raises BundleError: when a file cannot be loaded.
    :raises ProbeMismatch: when the model answers differently on this machine.
    """
    if shared_weights is None or not can_share(bundle):
        return _open(bundle, open_session(bundle.model_path))
    try:
        tagger = _open(bundle, open_shared_session(bundle, shared_weights))
        tagger.shares_weights = True
    except BundleError as exc:
        tagger = _open(bundle, open_session(bundle.model_path))
        tagger.note = str(exc)
    return tagger


def _open(bundle: ModelBundle, session: onnxruntime.InferenceSession) -> Tagger:
    tagger = Tagger(bundle, session, _open_tokenizer(bundle.tokenizer_path))
    check_probe(tagger, bundle.probe)
    return tagger


def check_probe(tagger: Tagger, probe: Probe) -> None:
    """Compare the model's answers to the golden sentences with those noted when it was built.

    :raises ProbeMismatch: on the first sentence that differs.
    """
    advice = "this CPU computes the model wrongly or the bundle is broken; do not trust its answers"
    for number, (logits, tags, expected) in enumerate(
        zip(tagger.logits(probe.sentences), probe.tags, probe.logits, strict=True)
    ):
        where = f"{tagger.bundle.name}, probe sentence {number}"
        if len(logits) != len(tags):
            raise ProbeMismatch("probe_mismatch", where, f"{len(logits)} tokens", str(len(tags)), advice)
        found = logits[np.arange(len(tags)), list(tags)]
        off = float(np.abs(found - np.array(expected, np.float32)).max(initial=0.0))
        if not off <= probe.tolerance:
            raise ProbeMismatch(
                "probe_mismatch", where, f"logits off by {off:.3f}", f"at most {probe.tolerance}", advice
            )


def _open_tokenizer(path: Path) -> Tokenizer:
    try:
        return Tokenizer.from_file(str(path))
    except Exception as exc:  # tokenizers raises bare Exception
        raise BundleError(
            "the tokenizer does not load", str(path), str(exc), "tokenizers JSON", "install the bundle again"
        ) from exc
