"""Responsible for a smaller vocabulary: fewer WordPiece pieces, and fewer rows in the embedding table.

A general vocabulary holds thousands of pieces that a text of one field never uses. Kept are the special
tokens, every single character and its continuation (so that no word becomes unknown that was known) and
every piece that the training texts use; then, up to the wanted size, the pieces that a sample of the
field uses most, then those of lowest id, which in BERT's vocabularies are the most frequent ones. A word
whose piece was dropped is spelled by shorter ones.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import tokenizers
import torch

from compress.encoder import TokenClassifier
from compress.errors import CheckpointError, DataError

# BERT's placeholders; the brackets are split off before pieces are looked up, so none is ever produced.
_PLACEHOLDER = re.compile(r"\[unused\d+\]")


@dataclass(frozen=True)
class TrimmedVocabulary:
    """A smaller tokenizer and where its pieces come from."""

    tokenizer: tokenizers.Tokenizer
    kept_ids: tuple[int, ...]
    """Old id of each new id, ascending."""


def trim_vocabulary(
    tokenizer: tokenizers.Tokenizer, texts: Iterable[str], *, target_size: int, sample: Iterable[str] = ()
) -> TrimmedVocabulary:
    """A tokenizer of about ``target_size`` pieces that spells ``texts`` as before.

    ``sample`` is more text of the field, to choose the rest by. Pieces used in ``texts`` are kept even
    where they are more than ``target_size``; the vocabulary never grows.

    :raises CheckpointError: the tokenizer is not WordPiece.
    """
    state = json.loads(tokenizer.to_str())
    if state["model"].get("type") != "WordPiece":
        kind = str(state["model"].get("type"))
        raise CheckpointError(
            "vocabulary cannot be trimmed", "tokenizer.json", kind, "WordPiece", "keep it whole"
        )
    vocab: dict[str, int] = state["model"]["vocab"]
    kept = _required(state, vocab) | set(_count_pieces(tokenizer, texts))
    usable = (entry for entry in vocab.items() if not _PLACEHOLDER.fullmatch(entry[0]))
    by_id = [piece_id for _, piece_id in sorted(usable, key=_id)]
    counts = _count_pieces(tokenizer, sample)
    # Stable: pieces that the sample does not use stay in the order of their ids.
    for piece_id in sorted(by_id, key=lambda piece_id: -counts[piece_id]):
        if len(kept) >= target_size:
            break
        kept.add(piece_id)
    return _rebuild(state, sorted(kept))


def trim_model(model: TokenClassifier, kept_ids: tuple[int, ...]) -> TokenClassifier:
    """The same model with only the word vectors of ``kept_ids``, renumbered in that order."""
    if kept_ids and max(kept_ids) >= model.config.vocab_size:
        raise CheckpointError(
            "vocabulary too large",
            "embedding table",
            f"id {max(kept_ids)}",
            f"less than {model.config.vocab_size}",
        )
    trimmed = TokenClassifier(replace(model.config, vocab_size=len(kept_ids)))
    parameters = model.state_dict()
    parameters["embeddings.word.weight"] = parameters["embeddings.word.weight"][torch.tensor(kept_ids)]
    trimmed.load_state_dict(parameters)
    return trimmed.train(model.training)


def share_respelled(before: tokenizers.Tokenizer, after: tokenizers.Tokenizer, texts: Iterable[str]) -> float:
    """Share of the words in ``texts`` that ``after`` spells by other pieces than ``before``, 0 to 1.

    :raises DataError: no words.
    """
    words = Counter(word for text in texts for word in text.split())
    if not words:
        raise DataError("no words", "texts to compare vocabularies on")
    changed = sum(
        count for word, count in words.items() if before.encode(word).tokens != after.encode(word).tokens
    )
    return changed / words.total()


def _required(state: dict[str, Any], vocab: dict[str, int]) -> set[int]:
    """Special tokens, the unknown token, single characters and their continuations."""
    prefix = state["model"]["continuing_subword_prefix"]
    kept = {token["id"] for token in state["added_tokens"]} | {vocab[state["model"]["unk_token"]]}
    return kept | {piece_id for piece, piece_id in vocab.items() if len(piece.removeprefix(prefix)) == 1}


def _count_pieces(tokenizer: tokenizers.Tokenizer, texts: Iterable[str]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        counts.update(encoding.ids)
    return counts


def _id(entry: tuple[str, int]) -> int:
    return entry[1]


def _rebuild(state: dict[str, Any], kept: list[int]) -> TrimmedVocabulary:
    new_ids = {old: new for new, old in enumerate(kept)}
    vocab = state["model"]["vocab"]
    ordered = sorted((new_ids[piece_id], piece) for piece, piece_id in vocab.items() if piece_id in new_ids)
    state["model"]["vocab"] = {piece: piece_id for piece_id, piece in ordered}
    for token in state["added_tokens"]:
        token["id"] = new_ids[token["id"]]
    _renumber_post_processor(state.get("post_processor"), new_ids)
    if state.get("padding"):
        state["padding"]["pad_id"] = new_ids[state["padding"]["pad_id"]]
    return TrimmedVocabulary(tokenizers.Tokenizer.from_str(json.dumps(state)), tuple(kept))


def _renumber_post_processor(processor: dict[str, Any] | None, new_ids: dict[int, int]) -> None:
    """The template or the BERT form name the ids of [CLS] and [SEP] once more."""
    if processor is None:
        return
    for token in processor.get("special_tokens", {}).values():
        token["ids"] = [new_ids[piece_id] for piece_id in token["ids"]]
    for name in ("cls", "sep"):
        if name in processor:
            token, piece_id = processor[name]
            processor[name] = [token, new_ids[piece_id]]
