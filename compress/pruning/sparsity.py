"""Responsible for what zeros are worth on disk: the encoder's linear weights in the formats that store them.

Counted, not written: sizes follow from the formats. Compressed rows (CSR) keep a value and a two-byte column
for each weight that is not 0, and four bytes a row; a bitmap keeps a bit for each weight and the values
that are not 0; gzip is measured on the dense bytes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from compress.encoder import TokenClassifier
from compress.graphs.quantize import quantize_columns
from compress.pruning.methods.zeros import product_weights


@dataclass(frozen=True, slots=True)
class StoredSizes:
    """Bytes of the encoder's linear weights."""

    dense: int
    csr: int
    bitmap: int
    gzip: int


def stored_sizes(model: TokenClassifier, *, int8: bool) -> StoredSizes:
    """Sizes of the linear weights in fp32, or in int8 as the variant would hold them."""
    dense = csr = bitmap = gzip = 0
    for weight in product_weights(model):
        matrix: npt.NDArray[np.float32] = weight.numpy()
        values = quantize_columns(matrix.T).integers if int8 else matrix.T
        n_values = int(np.count_nonzero(matrix))
        dense += values.nbytes
        csr += n_values * (values.itemsize + 2) + 4 * (values.shape[0] + 1)
        bitmap += n_values * values.itemsize + -(-values.size // 8)
        gzip += len(zlib.compress(np.ascontiguousarray(values).tobytes(), 6))
    return StoredSizes(dense, csr, bitmap, gzip)
