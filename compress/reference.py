"""Responsible for a checkpoint as a tagger in PyTorch: what a comparison holds compressed models against.

It works as pipelines commonly do: fp32, sentences in the order given, padded to the longest of a batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tokenizers
import torch

from compress.batches import collate
from compress.checkpoint import read_checkpoint
from compress.encoder import TokenClassifier
from compress.features import encode_sentences
from compress.predict import decode_mentions
from extract.annotations import AnnotatedSentence
from extract.tagger import Tagged

BATCH_SIZE = 16


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder, looked at but not kept in memory."""

    path: Path
    labels: tuple[str, ...]
    n_bytes: int
    """Of its weights and tokenizer."""
    sha256: str
    """Of its weights."""
    heads_per_layer: tuple[int, ...]
    neurons_per_layer: tuple[int, ...]


class TorchTagger:
    """A checkpoint that tags sentences, with one thread as a worker has."""

    def __init__(self, model: TokenClassifier, tokenizer: tokenizers.Tokenizer) -> None:
        self._model = model.eval()
        self._tokenizer = tokenizer

    def tag(self, sentences: Sequence[str]) -> Tagged:
        """Mentions of every sentence."""
        unlabelled = [AnnotatedSentence(str(n), str(n), text, ()) for n, text in enumerate(sentences)]
        features = encode_sentences(unlabelled, self._tokenizer, self._model.config.labels)
        logits: list[npt.NDArray[np.float32]] = []
        with torch.inference_mode():
            for first in range(0, len(features.windows), BATCH_SIZE):
                places = range(first, min(first + BATCH_SIZE, len(features.windows)))
                batch = collate(features.windows, places)
                output = self._model(batch.input_ids, batch.attention_mask).numpy()
                logits += [
                    output[row, : len(features.windows[place].input_ids)] for row, place in enumerate(places)
                ]
        n_tokens = np.array([len(bounds) for bounds in features.offsets], np.int64)
        n_computed = sum(len(window.input_ids) for window in features.windows)
        return Tagged(decode_mentions(features, logits), n_tokens, n_computed)


def find_checkpoint(path: str) -> Checkpoint:
    """What is to be known of a checkpoint folder before it is used.

    :raises CheckpointError: when it is none, or of another architecture.
    """
    model, _ = read_checkpoint(path)
    folder = Path(path)
    weights, others = sorted(folder.glob("*.safetensors")), sorted(folder.glob("tokenizer*.json"))
    digest = hashlib.sha256()
    for file in weights:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    labels = tuple(tag[2:] for tag in model.config.labels if tag.startswith("B-"))
    return Checkpoint(
        folder.absolute(),
        labels,
        sum(file.stat().st_size for file in (*weights, *others)),
        digest.hexdigest(),
        model.config.heads_per_layer,
        model.config.neurons_per_layer,
    )


def open_checkpoint(path: Path) -> TorchTagger:
    """The checkpoint as a tagger; PyTorch gets one thread in this process.

    :raises CheckpointError: when it is none, or of another architecture.
    """
    torch.set_num_threads(1)
    return TorchTagger(*read_checkpoint(path))
