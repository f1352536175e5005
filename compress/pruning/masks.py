"""Responsible for saying which heads and neurons stay."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from compress.encoder import EncoderConfig
from compress.errors import CompressError

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Masks:
    """One array a layer of each kind, bottom first: true where the unit stays."""

    config: EncoderConfig
    """The model they are for; shapes are checked against it once, here."""
    heads: tuple[BoolArray, ...]
    """*Shape of one:* ``(heads of the layer,)``"""
    neurons: tuple[BoolArray, ...]
    """*Shape of one:* ``(neurons of the layer,)``"""

    def __post_init__(self) -> None:
        for kind, arrays, sizes in (
            ("heads", self.heads, self.config.heads_per_layer),
            ("neurons", self.neurons, self.config.neurons_per_layer),
        ):
            got = tuple(array.shape for array in arrays)
            expected = tuple((size,) for size in sizes)
            if got != expected or any(array.dtype != np.bool_ for array in arrays):
                raise CompressError(
                    f"masks of {kind} do not fit the model", "", str(got), f"booleans {expected}"
                )

    @classmethod
    def keep_all(cls, config: EncoderConfig) -> Masks:
        """Nothing is removed."""
        heads = tuple(np.ones(size, np.bool_) for size in config.heads_per_layer)
        return cls(config, heads, tuple(np.ones(size, np.bool_) for size in config.neurons_per_layer))

    @property
    def pruned_config(self) -> EncoderConfig:
        """The sizes that remain."""
        return replace(
            self.config,
            heads_per_layer=tuple(int(array.sum()) for array in self.heads),
            neurons_per_layer=tuple(int(array.sum()) for array in self.neurons),
        )

    def head_tensors(self) -> list[Tensor]:
        """As ``head_masks`` of :meth:`compress.encoder.TokenClassifier.forward`: 1 keeps, 0 removes."""
        return [torch.from_numpy(array.astype(np.float32)) for array in self.heads]

    def neuron_tensors(self) -> list[Tensor]:
        """As ``neuron_masks`` of :meth:`compress.encoder.TokenClassifier.forward`."""
        return [torch.from_numpy(array.astype(np.float32)) for array in self.neurons]
