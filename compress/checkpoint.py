"""Responsible for checkpoints on disk: folders in Hugging Face's form, weights in safetensors only.

A pickled checkpoint is refused, because opening one runs whatever code it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import tokenizers
import torch

from compress import _hf
from compress.encoder import EncoderConfig, TokenClassifier
from compress.errors import CheckpointError

History = Sequence[Mapping[str, Any]]
"""Steps that made a model, oldest first; each has ``step`` (what was done) and its settings."""

_HISTORY = "history.json"
_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack")
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
_WANTED = (
    "config.json",
    "*.safetensors",
    _INDEX,
    "tokenizer*.json",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
)


def read_checkpoint(
    source: Path | str, labels: tuple[str, ...] | None = None, *, seed: int = 0
) -> tuple[TokenClassifier, tokenizers.Tokenizer]:
    """The model and tokenizer in a folder, or of a model on the Hugging Face hub.

    Without ``labels`` the checkpoint must have a head, and its own tags are used. With ``labels``
    (tags, as of :func:`extract.annotations.tags_of`) a head of exactly these tags is kept; any other
    is replaced by a random one, drawn from ``seed``. The tokenizer neither truncates nor pads.

    :raises CheckpointError: nothing there, pickled weights, another architecture, a missing part.
    """
    folder = open_checkpoint_folder(source)
    settings = read_settings(folder)
    own_labels = _hf.parse_labels(settings)
    if labels is None and own_labels is None:
        raise CheckpointError(
            "no tags", str(folder / "config.json"), advice="give the tags that it is to be trained on"
        )
    config = _hf.parse_config(settings, labels or own_labels or (), str(folder))
    parameters = _hf.from_hf(read_weights(folder), config, settings, str(folder))
    if labels is None and "classifier.weight" not in parameters:
        raise CheckpointError(
            "no head", str(folder), "a bare encoder", "a token classifier", "train it first"
        )
    model = _build(config, parameters, keep_head=config.labels == own_labels, where=str(folder), seed=seed)
    return model, read_tokenizer(folder)


def write_checkpoint(
    folder: Path | str, model: TokenClassifier, tokenizer: tokenizers.Tokenizer, history: History = ()
) -> None:
    """Write ``config.json``, ``model.safetensors`` and ``tokenizer.json``; the folder is made if need be.

    ``history`` says how the model came about, step by step, and is kept in ``history.json``.

    transformers loads the result where all layers have equal sizes; a pruned one only
    :func:`read_checkpoint` does.
    """
    parameters = _hf.to_hf(model.state_dict(), model.config)
    settings = _hf.settings_of(model.config)
    write_parts(
        Path(folder), parameters, settings, tokenizer, history, max_positions=model.config.max_positions
    )


def write_parts(
    folder: Path,
    parameters: _hf.Parameters,
    settings: dict[str, Any],
    tokenizer: tokenizers.Tokenizer,
    history: History,
    *,
    max_positions: int,
) -> None:
    """Write a checkpoint whose parameters and settings are already in Hugging Face's form.

    :raises CheckpointError: it cannot be written.
    """
    # safetensors wants every tensor to own its memory.
    parameters = {name: value.detach().cpu().contiguous().clone() for name, value in parameters.items()}
    tokenizer_settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": max_positions,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        safetensors.torch.save_file(parameters, folder / _WEIGHTS, metadata={"format": "pt"})
        _write_json(folder / "config.json", settings)
        _write_json(folder / "tokenizer_config.json", tokenizer_settings | _special_tokens(tokenizer))
        _write_json(folder / _HISTORY, [dict(step) for step in history])
        tokenizer.save(str(folder / "tokenizer.json"))
    except OSError as exc:
        raise CheckpointError("cannot be written", str(folder), str(exc)) from exc


def read_tokenizer(folder: Path) -> tokenizers.Tokenizer:
    """The tokenizer of a checkpoint, of ``tokenizer.json`` where there is one. It neither truncates nor pads.

    :raises CheckpointError: there is none, or it cannot be read.
    """
    path = folder / "tokenizer.json"
    try:
        tokenizer = (
            tokenizers.Tokenizer.from_file(str(path)) if path.is_file() else _convert_tokenizer(folder)
        )
    except Exception as exc:  # tokenizers raises bare Exception, nothing narrower
        raise CheckpointError("tokenizer cannot be read", str(folder), str(exc)) from exc
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _convert_tokenizer(folder: Path) -> tokenizers.Tokenizer:
    # Slow to import, and needed only for checkpoints older than tokenizer.json.
    from transformers import AutoTokenizer

    tokenizer: tokenizers.Tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    return tokenizer


def read_history(folder: Path | str) -> History:
    """How the model in a folder came about, as :func:`write_checkpoint` was told; empty for others'."""
    path = Path(folder) / _HISTORY
    if not path.is_file():
        return ()
    steps = _read_json(path)
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise CheckpointError("bad history", str(path), type(steps).__name__, "a JSON list of objects")
    return tuple(steps)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise CheckpointError(f"no readable {path.name}", str(path.parent), str(exc)) from exc


def _write_json(path: Path, value: dict[str, Any] | list[dict[str, Any]]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _special_tokens(tokenizer: tokenizers.Tokenizer) -> dict[str, str]:
    """The special tokens under the names transformers gives them, for BERT's and RoBERTa's spelling."""
    names = {
        "pad_token": ("[PAD]", "<pad>"),
        "unk_token": ("[UNK]", "<unk>"),
        "cls_token": ("[CLS]", "<s>"),
        "sep_token": ("[SEP]", "</s>"),
        "mask_token": ("[MASK]", "<mask>"),
    }
    known = tokenizer.get_vocab()
    return {name: token for name, spellings in names.items() for token in spellings if token in known}


def _download(source: str) -> Path:
    """A local copy of a hub model. Files with weights of other kinds are not fetched."""
    expected = "a folder, or the id of a model on the hub"
    if not _HUB_ID.fullmatch(source):
        raise CheckpointError("no checkpoint", source, "nothing there", expected)
    # Asks the network; needed for hub ids alone.
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(source, allow_patterns=list(_WANTED)))
    except (OSError, ValueError) as exc:
        reason = str(exc).strip().split("\n")[0]
        raise CheckpointError(
            "no checkpoint", source, reason, "a folder, or the id of a model on the hub"
        ) from exc


def open_checkpoint_folder(source: Path | str) -> Path:
    """The folder itself, or a local copy of the hub model of that id.

    :raises CheckpointError: there is neither.
    """
    return Path(source) if Path(source).is_dir() else _download(str(source))


def read_settings(folder: Path) -> dict[str, Any]:
    """What ``config.json`` says."""
    settings = _read_json(folder / "config.json")
    if not isinstance(settings, dict):
        raise CheckpointError("bad config.json", str(folder), type(settings).__name__, "a JSON object")
    return settings


def read_weights(folder: Path) -> _hf.Parameters:
    """All parameters by the names they have in the files.

    :raises CheckpointError: there are none in safetensors, or a file cannot be read.
    """
    files = [_WEIGHTS]
    if not (folder / _WEIGHTS).is_file():
        if not (folder / _INDEX).is_file():
            raise _no_weights(folder)
        files = sorted(set(_read_json(folder / _INDEX)["weight_map"].values()))
    parameters: _hf.Parameters = {}
    for name in files:
        try:
            parameters |= safetensors.torch.load_file(folder / name)
        except (OSError, safetensors.SafetensorError) as exc:
            raise CheckpointError("weights cannot be read", str(folder / name), str(exc)) from exc
    return parameters


def _no_weights(folder: Path) -> CheckpointError:
    pickled = [name for name in _PICKLED if (folder / name).exists()]
    if pickled:
        advice = "convert it where you trust its origin: AutoModel.from_pretrained(...).save_pretrained(...)"
        return CheckpointError("weights refused", str(folder), pickled[0], _WEIGHTS, advice)
    return CheckpointError("no weights", str(folder), "no safetensors file", _WEIGHTS)


def _build(
    config: EncoderConfig, parameters: _hf.Parameters, *, keep_head: bool, where: str, seed: int
) -> TokenClassifier:
    model = TokenClassifier(config)
    if not keep_head or "classifier.weight" not in parameters:
        weight = torch.empty(len(config.labels), config.hidden_width)
        generator = torch.Generator().manual_seed(seed)
        parameters["classifier.weight"] = weight.normal_(std=0.02, generator=generator)
        parameters["classifier.bias"] = torch.zeros(len(config.labels))
    try:
        model.load_state_dict(parameters)
    except RuntimeError as exc:
        reason = str(exc).strip().split("\n")[-1].strip()
        raise CheckpointError("sizes do not match config.json", where, reason) from exc
    return model.eval()
