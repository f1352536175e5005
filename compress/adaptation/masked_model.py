"""Responsible for an encoder with a masked-language head, in memory and on disk.

The head is BERT's: dense, GELU, norm, and a projection onto the vocabulary whose matrix is the word
embeddings' own (tied), with a bias. A checkpoint without such a head gets a new one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import tokenizers
import torch
from torch import Tensor, nn

from compress import _hf
from compress.checkpoint import (
    History,
    open_checkpoint_folder,
    read_settings,
    read_tokenizer,
    read_weights,
    write_parts,
)
from compress.encoder import EncoderConfig, TokenClassifier
from compress.errors import CheckpointError
from compress.vocabulary import trim_model

_NO_TAGS = ("O",)


class MaskedHead(nn.Module):
    """Hidden states to word vectors. *Shape:* ``(n, hidden)`` to ``(n, hidden)``; the bias is added later."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_width, config.hidden_width)
        self.norm = nn.LayerNorm(config.hidden_width, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        return self.norm(nn.functional.gelu(self.dense(hidden)))  # type: ignore[no-any-return]


class MaskedModel(nn.Module):
    """An encoder that says which piece stood where one was hidden."""

    def __init__(self, encoder: TokenClassifier, head: MaskedHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        encoder.classifier.requires_grad_(False)

    @property
    def config(self) -> EncoderConfig:
        return self.encoder.config

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None, places: Tensor) -> Tensor:
        """Logits at ``places`` alone (indices into the flattened batch): elsewhere nothing is asked, and
        the projection would be most of the work. *Shape:* ``(places, vocab)``."""
        hidden = self.encoder.encode(input_ids, attention_mask).flatten(0, 1)[places]
        return nn.functional.linear(self.head(hidden), self.encoder.embeddings.word.weight, self.head.bias)


def read_masked_model(source: Path | str, *, seed: int = 0) -> tuple[MaskedModel, tokenizers.Tokenizer, bool]:
    """The model and tokenizer of a checkpoint, and whether it brought its head; a new one is drawn from
    ``seed``. A head for tags is left out.

    :raises CheckpointError: as :func:`compress.checkpoint.read_checkpoint`.
    """
    folder = open_checkpoint_folder(source)
    settings = read_settings(folder)
    config = _hf.parse_config(settings, _NO_TAGS, str(folder))
    theirs = read_weights(folder)
    encoder, head = TokenClassifier(config), MaskedHead(config)
    _draw(encoder.classifier, seed)
    _draw(head.dense, seed)
    ours = _hf.from_hf(theirs, config, settings, str(folder))
    own_head = _hf.masked_head_from_hf(theirs, settings, str(folder))
    kept = {name: value for name, value in ours.items() if not name.startswith("classifier")}
    try:
        encoder.load_state_dict(encoder.state_dict() | kept)
        head.load_state_dict(own_head or head.state_dict())
    except RuntimeError as exc:
        reason = str(exc).strip().split("\n")[-1].strip()
        raise CheckpointError("sizes do not match config.json", str(folder), reason) from exc
    return MaskedModel(encoder, head).eval(), read_tokenizer(folder), own_head is not None


def write_masked_model(
    folder: Path, model: MaskedModel, tokenizer: tokenizers.Tokenizer, history: History
) -> None:
    """Write a checkpoint that :func:`compress.checkpoint.read_checkpoint` reads (given tags to learn), and
    this module with its head.

    :raises CheckpointError: it cannot be written.
    """
    config = model.config
    encoder = model.encoder.state_dict()
    bare = {name: value for name, value in encoder.items() if not name.startswith("classifier")}
    parameters = _hf.to_hf(bare, config) | _hf.masked_head_to_hf(model.head.state_dict(), config)
    settings = _hf.masked_settings_of(config)
    write_parts(folder, parameters, settings, tokenizer, history, max_positions=config.max_positions)


def trim_masked_model(model: MaskedModel, kept_ids: tuple[int, ...]) -> MaskedModel:
    """The same model with only the pieces of ``kept_ids``, renumbered in that order."""
    encoder = trim_model(model.encoder, kept_ids)
    head = MaskedHead(replace(model.config, vocab_size=len(kept_ids)))
    parameters = model.head.state_dict()
    head.load_state_dict(parameters | {"bias": parameters["bias"][torch.tensor(kept_ids)]})
    return MaskedModel(encoder, head).train(model.training)


def _draw(linear: nn.Linear, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        linear.weight.normal_(std=0.02, generator=generator)
        linear.bias.zero_()
