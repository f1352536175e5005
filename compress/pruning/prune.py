"""Responsible for making a model physically smaller: masked heads and neurons leave the tensors."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from compress.encoder import TokenClassifier
from compress.errors import CompressError
from compress.pruning.masks import Masks


def prune(model: TokenClassifier, masks: Masks) -> TokenClassifier:
    """A new model without the units that ``masks`` removes; it answers as ``model`` does under the masks.

    :raises CompressError: the masks are for a model of other sizes.
    """
    if masks.config != model.config:
        raise CompressError("masks of another model", "", str(masks.config), str(model.config))
    sizes = masks.pruned_config
    pruned = model.with_sizes(sizes.heads_per_layer, sizes.neurons_per_layer)
    parameters = dict(model.state_dict())
    for index, (heads, neurons) in enumerate(zip(masks.heads, masks.neurons, strict=True)):
        kept_width = torch.from_numpy(np.repeat(heads, model.config.head_width))
        kept_neurons = torch.from_numpy(neurons)
        layer = f"layers.{index}"
        for name in ("query", "key", "value"):
            _keep_rows(parameters, f"{layer}.{name}", kept_width)
        _keep_columns(parameters, f"{layer}.attention_output", kept_width)
        _keep_rows(parameters, f"{layer}.up", kept_neurons)
        _keep_columns(parameters, f"{layer}.down", kept_neurons)
    pruned.load_state_dict(parameters)
    return pruned.train(model.training)


def _keep_rows(parameters: dict[str, Tensor], name: str, kept: Tensor) -> None:
    for kind in ("weight", "bias"):
        parameters[f"{name}.{kind}"] = parameters[f"{name}.{kind}"][kept]


def _keep_columns(parameters: dict[str, Tensor], name: str, kept: Tensor) -> None:
    """The bias stays: it is added however few columns are left."""
    parameters[f"{name}.weight"] = parameters[f"{name}.weight"][:, kept]
