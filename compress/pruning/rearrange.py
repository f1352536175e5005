"""Responsible for swapping units within a layer, by what they do together.

The search takes units one by one; two that do the same work look dispensable each, though not both. The
off-diagonal terms of the Fisher matrix tell (Kwon et al. 2022, section 3.3): removing the set R costs
``1_R^T F 1_R``. Greedy swaps of a removed with a kept unit lower it; counts stay.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from compress.pruning.fisher import MaskGradients
from compress.pruning.masks import Masks

Floats = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

_MAX_SWAPS = 256


def rearrange(masks: Masks, gradients: MaskGradients, *, shrinkage: float = 0.5) -> Masks:
    """Masks with the same counts and no greater joint cost.

    ``shrinkage``, 0 to 1, is how much of the off-diagonal is disbelieved: it is estimated from fewer
    examples than there are neurons.
    """
    heads = tuple(
        _swap(mask, values, shrinkage) for mask, values in zip(masks.heads, gradients.heads, strict=True)
    )
    neurons = tuple(
        _swap(mask, values, shrinkage) for mask, values in zip(masks.neurons, gradients.neurons, strict=True)
    )
    return Masks(masks.config, heads, neurons)


def joint_cost(mask: npt.NDArray[np.bool_], gradients: Floats, shrinkage: float = 0.0) -> float:
    """``1_R^T F 1_R`` of the units that ``mask`` removes."""
    removed = (~mask).astype(np.float64)
    return float(removed @ _fisher(gradients, shrinkage) @ removed)


def _fisher(gradients: Floats, shrinkage: float) -> Float64s:
    values = gradients.astype(np.float64)
    matrix = values.T @ values / max(1, len(values))
    return (1 - shrinkage) * matrix + shrinkage * np.diag(np.diag(matrix))


def _swap(mask: npt.NDArray[np.bool_], gradients: Floats, shrinkage: float) -> npt.NDArray[np.bool_]:
    mask = mask.copy()
    if mask.all() or not mask.any():
        return mask
    fisher = _fisher(gradients, shrinkage)
    diagonal = np.diag(fisher)
    joint = fisher @ ~mask
    for _ in range(_MAX_SWAPS):
        removed, kept = np.flatnonzero(~mask), np.flatnonzero(mask)
        gain = (
            (diagonal - 2 * joint)[removed][:, None]
            + (diagonal + 2 * joint)[kept][None, :]
            - 2 * fisher[np.ix_(removed, kept)]
        )
        place = int(gain.argmin())
        row, column = divmod(place, len(kept))
        if gain[row, column] >= -1e-12 * float(diagonal.sum()):
            break
        back, out = removed[row], kept[column]
        mask[back], mask[out] = True, False
        joint += fisher[:, out] - fisher[:, back]
    return mask
