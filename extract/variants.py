"""Responsible for variant names: what ``pruned25-int8`` says about a model.

``NN`` in ``prunedNN`` is the share, per cent, of the encoder's linear multiply-accumulates (MACs) that
was removed. It never means the number of labels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from extract.errors import UnknownModel

_PATTERN = re.compile(r"dense|int8|ibert|pruned(?P<share>[1-9]\d?)(?:-int8)?")

EXAMPLES = "dense, int8, pruned25, pruned25-int8"


@dataclass(frozen=True, slots=True)
class Variant:
    """How a model was made smaller."""

    name: str
    macs_removed: float
    """Share of the encoder's linear MACs asked to be removed, 0 to 0.99."""
    int8: bool
    """Whether weights and activations of the linear layers are 8-bit integers."""
    integer_only: bool = False
    """Whether everything between token ids and logits is computed in integers (I-BERT), for comparison."""


def parse_variant(name: str) -> Variant:
    """The variant that a name stands for.

    :raises UnknownModel: when the name is none of ``dense``, ``int8``, ``ibert``, ``prunedNN`` and
        ``prunedNN-int8``.
    """
    match = _PATTERN.fullmatch(name)
    if match is None:
        advice = "NN in prunedNN is the per cent of MACs removed"
        raise UnknownModel("not a variant name", "", repr(name), f"one like {EXAMPLES}", advice)
    integer_only = name == "ibert"
    int8 = name.endswith("int8") or integer_only
    return Variant(name, int(match["share"] or 0) / 100, int8, integer_only)
