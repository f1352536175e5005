"""Responsible for Hugging Face's names: every parameter name and configuration key, and nothing else.

Each architecture is a pair of reversible tables. What differs beyond names is folded away on reading
and undone on writing: the token-type vector 0, which every token of a single text gets, is added to
the position table; RoBERTa's positions begin at row ``padding_idx + 1`` of its table, and the rows
before it are never used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from compress.encoder import EncoderConfig
from compress.errors import CheckpointError

Parameters = dict[str, Tensor]
"""Tensors by parameter name."""


@dataclass(frozen=True)
class Architecture:
    """How one model family spells what the encoder here has."""

    model_type: str
    """``model_type`` in ``config.json``."""
    class_name: str
    """The transformers class that loads it with a token-classification head."""
    prefix: str
    """Stands before all names but the head's in such a class; bare encoders leave it out."""
    embeddings: tuple[tuple[str, str], ...]
    """(our name, their name)."""
    layer: tuple[tuple[str, str], ...]
    """The same inside one layer."""
    layer_path: str
    """Where layers are, without number."""
    keys: tuple[tuple[str, str], ...]
    """(our key, their key) in ``config.json``."""
    position_offset: int
    token_types: bool
    """Whether there is a token-type table."""
    masked_class_name: str
    """The transformers class that loads it with a masked-language head."""
    masked_head: tuple[tuple[str, str], ...]
    """(our name, their name) in that head; its projection is the word embeddings'."""


_BERT_EMBEDDINGS = (
    ("embeddings.word.weight", "embeddings.word_embeddings.weight"),
    ("embeddings.position.weight", "embeddings.position_embeddings.weight"),
    ("embeddings.norm.weight", "embeddings.LayerNorm.weight"),
    ("embeddings.norm.bias", "embeddings.LayerNorm.bias"),
)
_BERT_LAYER = (
    ("query", "attention.self.query"),
    ("key", "attention.self.key"),
    ("value", "attention.self.value"),
    ("attention_output", "attention.output.dense"),
    ("attention_norm", "attention.output.LayerNorm"),
    ("up", "intermediate.dense"),
    ("down", "output.dense"),
    ("output_norm", "output.LayerNorm"),
)
_BERT_KEYS = (
    ("hidden_width", "hidden_size"),
    ("n_layers", "num_hidden_layers"),
    ("n_heads", "num_attention_heads"),
    ("n_neurons", "intermediate_size"),
    ("dropout", "hidden_dropout_prob"),
    ("activation", "hidden_act"),
)
_DISTILBERT_LAYER = (
    ("query", "attention.q_lin"),
    ("key", "attention.k_lin"),
    ("value", "attention.v_lin"),
    ("attention_output", "attention.out_lin"),
    ("attention_norm", "sa_layer_norm"),
    ("up", "ffn.lin1"),
    ("down", "ffn.lin2"),
    ("output_norm", "output_layer_norm"),
)
_DISTILBERT_KEYS = (
    ("hidden_width", "dim"),
    ("n_layers", "n_layers"),
    ("n_heads", "n_heads"),
    ("n_neurons", "hidden_dim"),
    ("dropout", "dropout"),
    ("activation", "activation"),
)
_BERT_MASKED_HEAD = (
    ("dense.weight", "cls.predictions.transform.dense.weight"),
    ("dense.bias", "cls.predictions.transform.dense.bias"),
    ("norm.weight", "cls.predictions.transform.LayerNorm.weight"),
    ("norm.bias", "cls.predictions.transform.LayerNorm.bias"),
    ("bias", "cls.predictions.bias"),
)
_DISTILBERT_MASKED_HEAD = (
    ("dense.weight", "vocab_transform.weight"),
    ("dense.bias", "vocab_transform.bias"),
    ("norm.weight", "vocab_layer_norm.weight"),
    ("norm.bias", "vocab_layer_norm.bias"),
    ("bias", "vocab_projector.bias"),
)
_ROBERTA_MASKED_HEAD = (
    ("dense.weight", "lm_head.dense.weight"),
    ("dense.bias", "lm_head.dense.bias"),
    ("norm.weight", "lm_head.layer_norm.weight"),
    ("norm.bias", "lm_head.layer_norm.bias"),
    ("bias", "lm_head.bias"),
)
_TOKEN_TYPES = "embeddings.token_type_embeddings.weight"

ARCHITECTURES = (
    Architecture(
        model_type="bert",
        class_name="BertForTokenClassification",
        prefix="bert.",
        embeddings=_BERT_EMBEDDINGS,
        layer=_BERT_LAYER,
        layer_path="encoder.layer",
        keys=_BERT_KEYS,
        position_offset=0,
        token_types=True,
        masked_class_name="BertForMaskedLM",
        masked_head=_BERT_MASKED_HEAD,
    ),
    Architecture(
        model_type="distilbert",
        class_name="DistilBertForTokenClassification",
        prefix="distilbert.",
        embeddings=_BERT_EMBEDDINGS,
        layer=_DISTILBERT_LAYER,
        layer_path="transformer.layer",
        keys=_DISTILBERT_KEYS,
        position_offset=0,
        token_types=False,
        masked_class_name="DistilBertForMaskedLM",
        masked_head=_DISTILBERT_MASKED_HEAD,
    ),
    Architecture(
        model_type="roberta",
        class_name="RobertaForTokenClassification",
        prefix="roberta.",
        embeddings=_BERT_EMBEDDINGS,
        layer=_BERT_LAYER,
        layer_path="encoder.layer",
        keys=_BERT_KEYS,
        position_offset=2,
        token_types=True,
        masked_class_name="RobertaForMaskedLM",
        masked_head=_ROBERTA_MASKED_HEAD,
    ),
)


def architecture_of(settings: dict[str, Any], where: str) -> Architecture:
    """The architecture that a ``config.json`` names.

    :raises CheckpointError: it is none of BERT, DistilBERT and RoBERTa.
    """
    model_type = settings.get("model_type")
    for architecture in ARCHITECTURES:
        if architecture.model_type == model_type:
            return architecture
    known = ", ".join(architecture.model_type for architecture in ARCHITECTURES)
    raise CheckpointError("unsupported architecture", where, repr(model_type), known)


def parse_config(settings: dict[str, Any], labels: tuple[str, ...], where: str) -> EncoderConfig:
    """The sizes in a ``config.json``; ``labels`` are the tags of the head.

    :raises CheckpointError: a key is missing, or the encoder is of a kind not built here.
    """
    architecture = architecture_of(settings, where)
    values = {ours: _key(settings, theirs, where) for ours, theirs in architecture.keys}
    if values["activation"] != "gelu":
        raise CheckpointError("unsupported activation", where, repr(values["activation"]), "gelu")
    if settings.get("position_embedding_type", "absolute") != "absolute":
        raise CheckpointError(
            "unsupported positions", where, str(settings["position_embedding_type"]), "absolute"
        )
    if values["hidden_width"] % values["n_heads"]:
        got = f"{values['hidden_width']} wide, {values['n_heads']} heads"
        raise CheckpointError("bad sizes", where, got, "a width that the heads divide")
    n_layers = values["n_layers"]
    return EncoderConfig(
        vocab_size=_key(settings, "vocab_size", where),
        hidden_width=values["hidden_width"],
        head_width=values["hidden_width"] // values["n_heads"],
        # Uneven sizes are this project's own addition to the format.
        heads_per_layer=tuple(settings.get("heads_per_layer", [values["n_heads"]] * n_layers)),
        neurons_per_layer=tuple(settings.get("neurons_per_layer", [values["n_neurons"]] * n_layers)),
        max_positions=_key(settings, "max_position_embeddings", where) - architecture.position_offset,
        position_offset=architecture.position_offset,
        layer_norm_eps=settings.get("layer_norm_eps", 1e-12),
        dropout=values["dropout"],
        labels=labels,
    )


def parse_labels(settings: dict[str, Any]) -> tuple[str, ...] | None:
    """The tags in a ``config.json``, None where it holds none or only the library's placeholders."""
    names = settings.get("id2label")
    if not isinstance(names, dict):
        return None
    labels = tuple(str(names[key]) for key in sorted(names, key=int))
    return None if all(label.startswith("LABEL_") for label in labels) else labels


def settings_of(config: EncoderConfig) -> dict[str, Any]:
    """A ``config.json`` for ``config``: BERT's, or RoBERTa's where positions are offset.

    DistilBERT is BERT without token types, and is written as BERT with a token-type table of zeros.
    Uneven sizes are added under two keys that transformers does not know; such a folder is for this
    project alone.
    """
    architecture = _architecture_for(config)
    values = {
        "hidden_width": config.hidden_width,
        "n_layers": config.n_layers,
        "n_heads": config.hidden_width // config.head_width,
        "n_neurons": max(config.neurons_per_layer),
        "dropout": config.dropout,
        "activation": "gelu",
    }
    settings: dict[str, Any] = {
        "architectures": [architecture.class_name],
        "model_type": architecture.model_type,
        **{theirs: values[ours] for ours, theirs in architecture.keys},
        "attention_probs_dropout_prob": config.dropout,
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.max_positions + architecture.position_offset,
        "type_vocab_size": 1,
        "layer_norm_eps": config.layer_norm_eps,
        "pad_token_id": max(0, architecture.position_offset - 1),
        "id2label": {str(index): label for index, label in enumerate(config.labels)},
        "label2id": {label: index for index, label in enumerate(config.labels)},
    }
    if not is_even(config):
        settings["heads_per_layer"] = list(config.heads_per_layer)
        settings["neurons_per_layer"] = list(config.neurons_per_layer)
    return settings


def is_even(config: EncoderConfig) -> bool:
    """Whether all layers have all heads and as many neurons as each other: sizes transformers can load."""
    n_heads = config.hidden_width // config.head_width
    return set(config.heads_per_layer) == {n_heads} and len(set(config.neurons_per_layer)) == 1


def from_hf(
    parameters: Parameters, config: EncoderConfig, settings: dict[str, Any], where: str
) -> Parameters:
    """Our parameters out of theirs; the head is among them only where the checkpoint has one.

    :raises CheckpointError: a parameter is missing.
    """
    architecture = architecture_of(settings, where)
    parameters = {
        _modern(name.removeprefix(architecture.prefix)): value for name, value in parameters.items()
    }
    ours = {}
    for our_name, their_name in name_table(architecture, config.n_layers):
        if their_name not in parameters:
            raise CheckpointError("missing parameter", where, advice=f"the checkpoint has no {their_name}")
        ours[our_name] = parameters[their_name]
    position = ours["embeddings.position.weight"][architecture.position_offset :]
    if architecture.token_types and _TOKEN_TYPES in parameters:
        position = position + parameters[_TOKEN_TYPES][0]
    ours["embeddings.position.weight"] = position
    head = {name: parameters[name] for name in ("classifier.weight", "classifier.bias") if name in parameters}
    return {name: value.float() for name, value in (ours | head).items()}


def to_hf(parameters: Parameters, config: EncoderConfig) -> Parameters:
    """Their parameters out of ours: the inverse of :func:`from_hf`, with a token-type vector of zeros.
    The head is among them only where ``parameters`` has one."""
    architecture = _architecture_for(config)
    table = name_table(architecture, config.n_layers)
    theirs = {architecture.prefix + their_name: parameters[our_name] for our_name, their_name in table}
    position = parameters["embeddings.position.weight"]
    unused = position.new_zeros(architecture.position_offset, config.hidden_width)
    theirs[architecture.prefix + "embeddings.position_embeddings.weight"] = torch.cat([unused, position])
    theirs[architecture.prefix + _TOKEN_TYPES] = position.new_zeros(1, config.hidden_width)
    head = ("classifier.weight", "classifier.bias")
    return theirs | {name: parameters[name] for name in head if name in parameters}


def masked_settings_of(config: EncoderConfig) -> dict[str, Any]:
    """As :func:`settings_of`, for an encoder with a masked-language head: without tags."""
    settings = settings_of(config) | {"architectures": [_architecture_for(config).masked_class_name]}
    return {key: value for key, value in settings.items() if key not in ("id2label", "label2id")}


def masked_head_from_hf(parameters: Parameters, settings: dict[str, Any], where: str) -> Parameters | None:
    """Our parameters of a masked-language head, None where the checkpoint has none, or not all of it."""
    theirs = {_modern(name): value for name, value in parameters.items()}
    table = architecture_of(settings, where).masked_head
    if not all(their_name in theirs for _, their_name in table):
        return None
    return {our_name: theirs[their_name].float() for our_name, their_name in table}


def masked_head_to_hf(head: Parameters, config: EncoderConfig) -> Parameters:
    """Their parameters out of ours: the inverse of :func:`masked_head_from_hf`."""
    return {their_name: head[our_name] for our_name, their_name in _architecture_for(config).masked_head}


def name_table(architecture: Architecture, n_layers: int) -> list[tuple[str, str]]:
    """(our name, their name) of every parameter but the head's, for an encoder of ``n_layers``."""
    return [
        *architecture.embeddings,
        *(
            (f"layers.{index}.{ours}.{kind}", f"{architecture.layer_path}.{index}.{theirs}.{kind}")
            for index in range(n_layers)
            for ours, theirs in architecture.layer
            for kind in ("weight", "bias")
        ),
    ]


def _architecture_for(config: EncoderConfig) -> Architecture:
    return ARCHITECTURES[2] if config.position_offset else ARCHITECTURES[0]


def _modern(name: str) -> str:
    """Checkpoints converted from TensorFlow before 2019 call a norm's weight gamma and its bias beta."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _key(settings: dict[str, Any], key: str, where: str) -> Any:
    if key not in settings:
        raise CheckpointError("missing key", where, advice=f"{key} is needed")
    return settings[key]
