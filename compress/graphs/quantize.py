"""Responsible for 8-bit integers: scales of weights and activations, and the error they make.

``real = scale * (integer - zero_point)``. Weights are symmetric (zero point 0), one scale an output column;
activations are asymmetric uint8, one scale a site, fixed when the model is built, so that a token's
answer does not depend on its batch mates as it does with ONNX Runtime's dynamic quantisation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

TABLE_MULTIPLE = 16


@dataclass(frozen=True, slots=True)
class ActivationScale:
    """How one site's activations become uint8."""

    scale: float
    zero_point: int
    """0 to 255; real zero is exactly representable."""

    def round_trip(self, values: Floats) -> Floats:
        """What is left of ``values`` after quantising and back."""
        integers = np.clip(np.rint(values / np.float32(self.scale)) + self.zero_point, 0, 255)
        restored: Floats = ((integers - self.zero_point) * np.float32(self.scale)).astype(np.float32)
        return restored


@dataclass(frozen=True)
class QuantizedMatrix:
    """A symmetric int8 matrix."""

    integers: npt.NDArray[np.int8]
    scales: Floats
    """One a column or one a row."""


def quantize_columns(weight: Floats) -> QuantizedMatrix:
    """Int8 weights with a scale for each output column. *Shape:* ``(inputs, outputs)``"""
    scales = _scales(np.abs(weight).max(axis=0, initial=0.0))
    return QuantizedMatrix(np.rint(weight / scales).astype(np.int8), scales)


def table_rows(vocab_size: int) -> int:
    """Rows of the word table as it is written: a multiple of :data:`TABLE_MULTIPLE`.

    So everything behind it in a file begins aligned (:func:`extract.session.is_aligned`).
    """
    return math.ceil(vocab_size / TABLE_MULTIPLE) * TABLE_MULTIPLE


def pad_rows(table: Floats) -> Floats:
    """Word embeddings with rows of zeros behind them, which no token has. *Shape:* ``(rows, width)``"""
    spare = table_rows(len(table)) - len(table)
    return np.pad(table, ((0, spare), (0, 0)))


def quantize_rows(table: Floats) -> QuantizedMatrix:
    """Int8 embeddings with a scale for each row. *Shape:* ``(rows, width)``"""
    scales = _scales(np.abs(table).max(axis=1, initial=0.0))
    return QuantizedMatrix(np.rint(table / scales[:, None]).astype(np.int8), scales)


def _scales(largest: npt.NDArray[np.floating]) -> Floats:
    scales = (largest / 127).astype(np.float32)
    # A scale below the smallest normal number is too coarse itself to divide by: such weights are zero.
    scales[scales < np.finfo(np.float32).tiny] = 1.0
    return scales


def choose_scale(activations: Floats, weight: Floats) -> ActivationScale:
    """The scale that disturbs the product ``activations @ weight`` least.

    Ranges from the full one down to a third are tried: a few outliers are better clipped than allowed to
    coarsen everything else.

    :param activations: a sample, ``(tokens, inputs)``; ``weight``: ``(inputs, outputs)``.
    """
    low, high = min(0.0, float(activations.min(initial=0))), max(0.0, float(activations.max(initial=0)))
    if low == high:
        return ActivationScale(scale=1.0, zero_point=0)
    candidates = [_scale_of_range(low * share, high * share) for share in np.linspace(1.0, 0.3, 15)]

    def disturbance(candidate: ActivationScale) -> float:
        return float(np.square((activations - candidate.round_trip(activations)) @ weight).mean())

    return min(candidates, key=disturbance)


def _scale_of_range(low: float, high: float) -> ActivationScale:
    scale = (high - low) / 255
    return ActivationScale(scale=scale, zero_point=int(np.clip(round(-low / scale), 0, 255)))
