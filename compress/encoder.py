"""Responsible for the token classifier as a torch module, with its own head and neuron count in every layer.

One module stands for BERT, DistilBERT and RoBERTa, whose encoders are the same post-norm Transformer
(Devlin et al. 2019, https://arxiv.org/abs/1810.04805); :mod:`compress._hf` translates their parameter
names. Dropout sits where BERT has it, so fine-tuning behaves alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of a token classifier. Widths count features, not bytes."""

    vocab_size: int
    hidden_width: int
    head_width: int
    heads_per_layer: tuple[int, ...]
    """Attention heads left in each layer, bottom first; 0 is allowed."""
    neurons_per_layer: tuple[int, ...]
    """Feed-forward neurons left in each layer, bottom first; 0 is allowed."""
    max_positions: int
    """Longest sequence in tokens, special tokens included."""
    position_offset: int
    """Row of the position table that the first token uses: 0 in BERT, 2 in RoBERTa."""
    layer_norm_eps: float
    dropout: float
    labels: tuple[str, ...]
    """Tag of each output column: ``O``, ``B-OS``, ``I-OS``, ..."""

    @property
    def n_layers(self) -> int:
        return len(self.heads_per_layer)


class Embeddings(nn.Module):
    """Word plus position embedding, normalised. *Shape:* ``(batch, seq)`` to ``(batch, seq, hidden)``.

    The single token-type vector in use is added to the position table when a checkpoint is read.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.word = nn.Embedding(config.vocab_size, config.hidden_width)
        self.position = nn.Embedding(config.max_positions, config.hidden_width)
        self.norm = nn.LayerNorm(config.hidden_width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, input_ids: Tensor) -> Tensor:
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        summed: Tensor = self.word(input_ids) + self.position(positions)
        return self.dropout(self.norm(summed))  # type: ignore[no-any-return]


def _linear(n_inputs: int, n_outputs: int) -> nn.Linear:
    """A linear layer; torch warns when it initialises one without inputs or outputs, so that is done here."""
    if n_inputs and n_outputs:
        return nn.Linear(n_inputs, n_outputs)
    linear = nn.Linear(1, 1)
    linear.in_features, linear.out_features = n_inputs, n_outputs
    linear.weight = nn.Parameter(torch.empty(n_outputs, n_inputs))
    linear.bias = nn.Parameter(torch.zeros(n_outputs))
    return linear


def _attend_plainly(query: Tensor, key: Tensor, value: Tensor, attention_bias: Tensor | None) -> Tensor:
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    if attention_bias is not None:
        scores = scores.masked_fill(~attention_bias, -torch.inf)
    return torch.softmax(scores, dim=-1) @ value


class Layer(nn.Module):
    """One encoder layer: attention and feed-forward, each added to its input and normalised.

    ``head_mask`` ``(heads,)`` and ``neuron_mask`` ``(neurons,)`` scale each head's context and each
    neuron's activation: 0 removes it, and the gradient at 1 says what it is worth (Kwon et al. 2022,
    https://arxiv.org/abs/2204.09656).
    """

    def __init__(self, config: EncoderConfig, index: int) -> None:
        super().__init__()
        self.n_heads = config.heads_per_layer[index]
        self.head_width = config.head_width
        attention_width = self.n_heads * config.head_width
        n_neurons = config.neurons_per_layer[index]
        self.query = _linear(config.hidden_width, attention_width)
        self.key = _linear(config.hidden_width, attention_width)
        self.value = _linear(config.hidden_width, attention_width)
        self.attention_output = _linear(attention_width, config.hidden_width)
        self.attention_norm = nn.LayerNorm(config.hidden_width, eps=config.layer_norm_eps)
        self.up = _linear(config.hidden_width, n_neurons)
        self.down = _linear(n_neurons, config.hidden_width)
        self.output_norm = nn.LayerNorm(config.hidden_width, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.dropout)
        self.attention_dropout = config.dropout
        self.plain_attention = False
        """Attention by plain matrix products: on a processor, in bfloat16, a step of narrow heads and short
        sequences takes two thirds of the fused kernel's time. Without dropout of attention weights."""

    def context(self, hidden: Tensor, attention_bias: Tensor | None) -> Tensor:
        """Contexts, head beside head. *Shape:* ``(batch, seq, hidden)`` to ``(batch, seq, width)``."""
        batch, seq, _ = hidden.shape
        query, key, value = (
            linear(hidden).view(batch, seq, self.n_heads, self.head_width).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        if self.plain_attention:
            mixed = _attend_plainly(query, key, value, attention_bias)
            return mixed.transpose(1, 2).reshape(batch, seq, self.n_heads * self.head_width)
        dropout = self.attention_dropout if self.training else 0.0
        mixed = nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=attention_bias, dropout_p=dropout
        )
        return mixed.transpose(1, 2).reshape(batch, seq, self.n_heads * self.head_width)

    def attend(self, hidden: Tensor, attention_bias: Tensor | None, head_mask: Tensor | None) -> Tensor:
        """The attention sublayer, residual and norm included; its output bias stays where no head is left."""
        if self.n_heads == 0:
            return self.attention_norm(self.attention_output.bias + hidden)  # type: ignore[no-any-return]
        context = self.context(hidden, attention_bias)
        if head_mask is not None:
            context = context * head_mask.repeat_interleave(self.head_width, dim=-1)
        return self.attention_norm(self.dropout(self.attention_output(context)) + hidden)  # type: ignore[no-any-return]

    def feed(self, hidden: Tensor, neuron_mask: Tensor | None) -> Tensor:
        """The feed-forward sublayer, residual and norm included."""
        if self.up.out_features == 0:
            return self.output_norm(self.down.bias + hidden)  # type: ignore[no-any-return]
        activation = nn.functional.gelu(self.up(hidden))
        if neuron_mask is not None:
            activation = activation * neuron_mask
        return self.output_norm(self.dropout(self.down(activation)) + hidden)  # type: ignore[no-any-return]

    def forward(
        self,
        hidden: Tensor,
        attention_bias: Tensor | None = None,
        head_mask: Tensor | None = None,
        neuron_mask: Tensor | None = None,
    ) -> Tensor:
        return self.feed(self.attend(hidden, attention_bias, head_mask), neuron_mask)


class TokenClassifier(nn.Module):
    """Embeddings, encoder layers and a linear head. *Shape:* ``(batch, seq)`` to ``(batch, seq, labels)``."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        self.layers = nn.ModuleList([Layer(config, index) for index in range(config.n_layers)])
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.hidden_width, len(config.labels))

    def encode(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        head_masks: list[Tensor] | None = None,
        neuron_masks: list[Tensor] | None = None,
    ) -> Tensor:
        """Last hidden states. *Shape:* ``(batch, seq)`` to ``(batch, seq, hidden)``; see :meth:`states`."""
        return self.states(input_ids, attention_mask, head_masks, neuron_masks)[-1]

    def states(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        head_masks: list[Tensor] | None = None,
        neuron_masks: list[Tensor] | None = None,
    ) -> list[Tensor]:
        """Hidden states after each layer, bottom first. *Shape of one:* ``(batch, seq, hidden)``

        ``attention_mask`` ``(batch, seq)`` is true on real tokens; None where nothing is padded. Masks
        hold one tensor a layer: ``(heads,)`` and ``(neurons,)``, or with a leading ``(batch, 1)``
        for one mask an example.
        """
        bias = None if attention_mask is None else attention_mask[:, None, None, :].bool()
        hidden: Tensor = self.embeddings(input_ids)
        states = []
        for index, layer in enumerate(self.layers):
            hidden = layer(
                hidden,
                bias,
                None if head_masks is None else head_masks[index],
                None if neuron_masks is None else neuron_masks[index],
            )
            states.append(hidden)
        return states

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        head_masks: list[Tensor] | None = None,
        neuron_masks: list[Tensor] | None = None,
    ) -> Tensor:
        hidden = self.encode(input_ids, attention_mask, head_masks, neuron_masks)
        return self.classifier(self.dropout(hidden))  # type: ignore[no-any-return]

    def with_sizes(
        self, heads_per_layer: tuple[int, ...], neurons_per_layer: tuple[int, ...]
    ) -> TokenClassifier:
        """A new, randomly initialised module of the given sizes and otherwise the same configuration."""
        sizes = replace(self.config, heads_per_layer=heads_per_layer, neurons_per_layer=neurons_per_layer)
        return TokenClassifier(sizes)
