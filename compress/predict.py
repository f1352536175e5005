"""Responsible for asking a torch model: logits of every sentence, and the entities they stand for.

The decoding is the one that runs in production (:mod:`extract.decode`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from compress.batches import sorted_batches
from compress.device import device_of
from compress.encoder import TokenClassifier
from compress.features import Features, Window
from compress.precision import autocast
from extract.decode import TagSet, find_mentions
from extract.records import Mention
from extract.score import Scores, score_mentions

Floats = npt.NDArray[np.float32]


def window_logits(
    model: TokenClassifier, windows: Sequence[Window], *, batch_size: int = 32, bf16: bool = False
) -> list[Floats]:
    """Logits of each window. *Shape of one:* ``(tokens + 2, tags)``."""
    logits: list[Floats] = [np.empty((0, 0), np.float32)] * len(windows)
    was_training = model.training
    model.eval()
    device = device_of(model)
    with torch.inference_mode(), autocast(bf16, device.type):
        for batch in sorted_batches(windows, batch_size):
            there = batch.to(device)
            output = model(there.input_ids, there.attention_mask).float().cpu().numpy()
            for row, index in enumerate(batch.indices):
                logits[index] = output[row, : len(windows[index].input_ids)]
    model.train(was_training)
    return logits


def sentence_logits(features: Features, logits: Sequence[Floats]) -> list[Floats]:
    """Logits of each sentence ``(tokens, tags)``, each token's from the window that answers for it."""
    parts: list[list[Floats]] = [[] for _ in features.sentences]
    for window, values in zip(features.windows, logits, strict=True):
        parts[window.sentence].append(values[window.own])
    return [np.concatenate(pieces) for pieces in parts]


def decode_mentions(
    features: Features, logits: Sequence[Floats], *, whole_numbers: bool = True
) -> list[tuple[Mention, ...]]:
    """Entities of each sentence, from the logits of :func:`window_logits`."""
    tag_set = TagSet.from_tags(features.tags)
    found: list[tuple[Mention, ...]] = []
    for sentence, bounds, values in zip(
        features.sentences, features.offsets, sentence_logits(features, logits), strict=True
    ):
        if not len(bounds):
            found.append(())
            continue
        offsets = [(int(start), int(end)) for start, end in bounds]
        emissions = values[:, tag_set.columns]
        found.append(find_mentions(sentence.text, offsets, emissions, tag_set, whole_numbers=whole_numbers))
    return found


def find_entities(model: TokenClassifier, features: Features) -> list[tuple[Mention, ...]]:
    """Entities of each sentence, as a model finds them."""
    return decode_mentions(features, window_logits(model, features.windows))


def score_model(model: TokenClassifier, features: Features, *, whole_numbers: bool = True) -> Scores:
    """Strict entity scores of a model on annotated sentences."""
    logits = window_logits(model, features.windows)
    return score_mentions(features.sentences, decode_mentions(features, logits, whole_numbers=whole_numbers))
