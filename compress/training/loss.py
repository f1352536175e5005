"""Responsible for the loss of a training: cross-entropy to the tags, and the divergence to a teacher."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn

from compress.batches import Batch
from compress.features import IGNORED, Features

MOST_WEIGHT = 10.0
"""A label of a handful of entities must not drown all others."""


def token_loss(
    logits: Tensor,
    batch: Batch,
    teacher: Tensor | None = None,
    *,
    tag_weights: Tensor | None = None,
    distil_weight: float = 0.5,
    unlabelled_weight: float = 1.0,
    temperature: float = 2.0,
) -> Tensor:
    """Cross-entropy to the tags, mixed with the divergence to a teacher (Hinton et al. 2015,
    https://arxiv.org/abs/1503.02531) where there is one. *Shape of logits:* ``(batch, seq, tags)``.

    Of an annotated window, ``distil_weight`` is the teacher's share. One that has no tag at all is learnt
    from the teacher alone, and its tokens count ``unlabelled_weight`` each. A NaN row of ``teacher``: it says
    nothing of this token.
    """
    if teacher is None:
        return _hard_loss(logits, batch, tag_weights)
    tagged = batch.tag_ids != IGNORED
    answered = batch.real & ~teacher.isnan().any(dim=-1)
    annotated = tagged.any(dim=1, keepdim=True).expand_as(tagged)
    hard = _hard_losses(logits[tagged], batch.tag_ids[tagged], tag_weights)
    soft = _divergences(logits[answered], teacher[answered], temperature)
    hard_share = torch.where(answered, 1 - distil_weight, 1.0)[tagged]
    soft_share = torch.where(annotated, distil_weight, unlabelled_weight)[answered]
    return ((hard_share * hard).sum() + (soft_share * soft).sum()) / (tagged | answered).sum().clamp(min=1)


def _hard_losses(logits: Tensor, tag_ids: Tensor, tag_weights: Tensor | None) -> Tensor:
    """Cross-entropy of each token; weighted ones have the sum that unweighted ones would have, about."""
    losses = nn.functional.cross_entropy(logits, tag_ids, weight=tag_weights, reduction="none")
    if tag_weights is None or not tag_ids.numel():
        return losses
    return losses / tag_weights[tag_ids].mean()


def _divergences(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """From the teacher's answer to the student's, of each token."""
    terms = nn.functional.kl_div(
        nn.functional.log_softmax(logits / temperature, dim=-1),
        nn.functional.log_softmax(teacher / temperature, dim=-1),
        log_target=True,
        reduction="none",
    )
    return temperature**2 * terms.sum(dim=-1)


def _hard_loss(logits: Tensor, batch: Batch, tag_weights: Tensor | None) -> Tensor:
    summed = nn.functional.cross_entropy(
        logits.flatten(0, 1),
        batch.tag_ids.flatten(),
        weight=tag_weights,
        ignore_index=IGNORED,
        reduction="sum",
    )
    tagged = batch.tag_ids[batch.tag_ids != IGNORED]
    if tag_weights is None:
        return summed / tagged.numel() if tagged.numel() else summed
    # Divided by the weights, not by the tokens: a batch of rare labels is no louder than another.
    return summed / tag_weights[tagged].sum().clamp(min=1)


def weigh_tags(data: Features, power: float) -> Tensor | None:
    """How much each tag counts in the loss, *shape* ``(tags,)``; None where all count alike.

    A label of n entities counts (entities of the most frequent label / n) to the ``power``, at most
    :data:`MOST_WEIGHT`; ``O`` counts 1. 0.5 is the square root, 1 makes all labels count alike in sum.
    """
    counts = Counter(span.label for sentence in data.sentences for span in sentence.entities)
    if not power or not counts:
        return None
    most = max(counts.values())
    weights = [
        1.0 if tag == "O" else min(MOST_WEIGHT, (most / max(1, counts[tag[2:]])) ** power)
        for tag in data.tags
    ]
    return torch.tensor(weights)
