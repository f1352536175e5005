"""Responsible for a model small enough to build in a test: it finds numbers, and means it.

A real bundle in every respect (int8 graph, tokenizer, manifest, golden probe), with one encoder layer whose
updates are too small to matter: a number that begins with 0 to 4 is an ``OS``, with 5 to 9 an ``ORR``.
"""

from __future__ import annotations

import string
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from compress.building.publish import Draft, write_draft, write_manifest
from compress.encoder import EncoderConfig, TokenClassifier
from compress.graphs.calibrate import calibrate
from compress.graphs.emit import emit
from extract.bundle import ModelBundle, Reading, open_bundle

TAGS = ("O", "B-ORR", "I-ORR", "B-OS", "I-OS")
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


def tiny_tokenizer() -> Tokenizer:
    """Every character is a token, so that any ASCII text has exact bounds."""
    characters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    pieces = [*_SPECIAL, *characters, *(f"##{character}" for character in characters)]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=10_000))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def tiny_model(vocabulary: dict[str, int], *, seed: int = 0) -> TokenClassifier:
    """The number finder as a torch module."""
    torch.manual_seed(seed)
    config = EncoderConfig(
        vocab_size=len(vocabulary),
        hidden_width=32,
        head_width=8,
        heads_per_layer=(2,),
        neurons_per_layer=(48,),
        max_positions=64,
        position_offset=0,
        layer_norm_eps=1e-12,
        dropout=0.1,
        labels=TAGS,
    )
    model = TokenClassifier(config).eval()
    with torch.no_grad():
        model.embeddings.position.weight.mul_(0.01)
        pieces = sorted(vocabulary, key=vocabulary.__getitem__)
        model.embeddings.word.weight.copy_(torch.stack([_word(piece) for piece in pieces]))
        for linear in (model.layers[0].attention_output, model.layers[0].down):
            linear.weight.mul_(0.01)
            linear.bias.zero_()
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([3.0, 0, 0, 0, 0]))
        for column, feature in ((1, 0), (3, 1), (2, 2), (4, 2)):
            model.classifier.weight[column, feature] = 4.0
    return model


def _word(piece: str) -> torch.Tensor:
    """Features: 0 begins a number with 5 to 9, 1 with 0 to 4, 2 continues a number; the rest tell nothing."""
    vector = torch.randn(32) * 0.1
    vector[:3] = 0.0
    if piece.startswith("##") and piece[2:].isdigit():
        vector[2] = 4.0
    elif piece.isdigit():
        vector[0 if piece >= "5" else 1] = 4.0
    return vector


def build_tiny_bundle(folder: Path, *, name: str = "int8", seed: int = 0) -> ModelBundle:
    """Write the tiny model into ``folder`` (made here) as a bundle and open it."""
    folder.mkdir(parents=True)
    tokenizer = tiny_tokenizer()
    model = tiny_model(tokenizer.get_vocab(), seed=seed)
    scales = calibrate(model, [torch.randint(4, model.config.vocab_size, (4, length)) for length in (6, 20)])
    draft = Draft(
        name=name,
        onnx_model=emit(model, scales),
        tokenizer=tokenizer,
        config=model.config,
        reading=Reading(max_tokens=32, overlap=8, start_token=2, end_token=3, whole_numbers=True),
        macs_removed=0.0,
        lineage=({"step": "tiny", "seed": seed},),
    )
    bundle = write_draft(folder, draft)
    write_manifest(replace(bundle, scores={"f1": 1.0, "f1_dense": 1.0}))
    return open_bundle(folder)
