"""Responsible for what heads and neurons cost, in multiply-accumulates (MACs) a token.

``prunedNN`` counts the encoder's *linear* MACs: the products with weight matrices, which do not depend
on a sentence's length. Attention scores and mixing come on top of them and fall with the heads; at 64
tokens they are 2 to 3 % of the whole in MiniLM.
"""

from __future__ import annotations

from compress.encoder import EncoderConfig
from compress.errors import BudgetError
from compress.pruning.masks import Masks


def head_macs(config: EncoderConfig) -> int:
    """Linear MACs a token of one head: its rows of query, key and value, its columns of the output."""
    return 4 * config.hidden_width * config.head_width


def neuron_macs(config: EncoderConfig) -> int:
    """Linear MACs a token of one neuron: its row of the up and its column of the down projection."""
    return 2 * config.hidden_width


def linear_macs(config: EncoderConfig) -> int:
    """Linear MACs a token of the whole encoder."""
    return sum(config.heads_per_layer) * head_macs(config) + sum(config.neurons_per_layer) * neuron_macs(
        config
    )


def attention_macs(config: EncoderConfig, length: int) -> int:
    """MACs a token of scores and mixing, for sequences of ``length`` tokens."""
    return sum(config.heads_per_layer) * 2 * length * config.head_width


def share_removed(dense: EncoderConfig, pruned: EncoderConfig) -> float:
    """Share of the dense encoder's linear MACs that the pruned one does without, 0 to 1."""
    return 1 - linear_macs(pruned) / linear_macs(dense)


def affordable_macs(dense: EncoderConfig, macs_removed: float) -> int:
    """Linear MACs a token that may remain.

    :raises BudgetError: ``macs_removed`` is not a share below 1.
    """
    if not 0 <= macs_removed < 1:
        raise BudgetError(
            "impossible budget", "", f"{macs_removed:g} of the MACs removed", "0 or more, less than 1"
        )
    return int((1 - macs_removed) * linear_macs(dense))


def check_cost(masks: Masks, affordable: int) -> None:
    """Count again what the masks keep.

    :raises BudgetError: it is more than was to be afforded.
    """
    cost = linear_macs(masks.pruned_config)
    if cost > affordable:
        raise BudgetError("budget missed", "search", f"{cost} MACs a token", f"{affordable} or fewer")
