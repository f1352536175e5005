"""Responsible for what a pruned model learns from its dense one: text to read, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from compress.encoder import TokenClassifier
from compress.features import Features, Window, encode_sentences
from compress.training.distil import DistilConfig, distil
from compress.training.unlabelled import read_text


@dataclass(frozen=True)
class Reader:
    """What is read in a distillation, and how."""

    text: tuple[Path, ...]
    """Unlabelled text: JSON Lines with ``doc`` and ``paragraphs``, or any input of a run."""
    sentences: int = 20_000
    """Of it at most, chosen by the hash of their documents."""
    settings: DistilConfig = DistilConfig()


@dataclass(frozen=True)
class Lesson:
    """A distillation that is ready to be given, to as many pruned models as there are."""

    windows: tuple[Window, ...]
    """Of the text, then of the training sentences, whose labels are not looked at."""
    settings: DistilConfig
    source: Mapping[str, Any]
    """What the windows are from."""

    @property
    def step(self) -> dict[str, Any]:
        """How it is told in a model's lineage."""
        return {"step": "distil", **self.source, **asdict(self.settings)}

    def drawn_by(self, seed: int) -> Lesson:
        """The same in an order of its own."""
        return replace(self, settings=replace(self.settings, seed=seed))

    def teach(self, student: TokenClassifier, dense: TokenClassifier) -> TokenClassifier:
        """``student`` itself, taught in place."""
        return distil(self.settings, student, dense, self.windows).model


def read_lesson(
    reader: Reader,
    tokenizer: Tokenizer,
    labels: tuple[str, ...],
    training: Features,
    *,
    max_tokens: int,
    overlap: int,
) -> Lesson:
    """The text as numbers, with the training sentences: nowhere else are there as many mentions.

    :param labels: the model's tags.
    :raises CompressError: a text cannot be read.
    """
    sentences = read_text(reader.text, reader.sentences)
    features = encode_sentences(sentences, tokenizer, labels, max_tokens=max_tokens, overlap=overlap)
    source = {
        "text": [path.name for path in reader.text],
        "sentences": len(sentences),
        "training_windows": len(training.windows),
    }
    return Lesson((*features.windows, *training.windows), reader.settings, source)
