"""Responsible for adapting an encoder to a field as a whole: from a checkpoint and its text to a new folder.

Steps, in order: read the text, set documents aside, read the checkpoint, trim its vocabulary, pack, train,
write. The folder appears whole or not at all; until then ``.partial`` beside it holds what an interrupted
adaptation goes on from. What comes out is a checkpoint to fine-tune (:mod:`compress.training.finetune`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tokenizers
import torch

from compress.adaptation.masked_model import (
    MaskedModel,
    read_masked_model,
    trim_masked_model,
    write_masked_model,
)
from compress.adaptation.masking import Pieces, read_pieces
from compress.adaptation.packing import PackedText, pack_documents
from compress.adaptation.pretrain import Check, PretrainConfig, Progress, pretrain
from compress.adaptation.record import AdaptRecord
from compress.bases import find_base, name_of_base
from compress.checkpoint import read_history
from compress.errors import CheckpointError, DataError
from compress.features import special_ids
from compress.folds import Report
from compress.gating.text import Document, read_documents, shuffled
from compress.training.finetune import check_target, read_sample
from compress.training.resume import read_state
from compress.vocabulary import trim_vocabulary
from extract.annotations import read_annotations

_STATE = "state.safetensors"
_HELD_OUT_TOKENS = 65_536
"""Of held-out text, what is asked at every check: some 10,000 hidden pieces."""
_SAMPLED_DOCUMENTS = 3000
"""By which the vocabulary is chosen, where no sample is given."""


@dataclass(frozen=True)
class AdaptConfig:
    """What to adapt, to what, to where."""

    base: str
    """As :attr:`compress.training.finetune.FinetuneConfig.base`."""
    text: tuple[Path, ...]
    """Files of the field's text, as :func:`compress.gating.text.read_documents` reads them."""
    target: Path
    """The new checkpoint's folder; must not exist or be empty."""
    vocab_size: int | None = None
    """Trim a WordPiece vocabulary to about this many pieces; None keeps it whole."""
    sample_text: Path | None = None
    """Plain text by which the pieces to keep are chosen; None: by the text itself."""
    keep: tuple[Path, ...] = ()
    """Annotated files; every piece that their sentences use is kept."""
    pretrain: PretrainConfig = field(default_factory=PretrainConfig)


@dataclass(frozen=True)
class AdaptResult:
    """An adapted encoder, and how its training went."""

    model: MaskedModel
    checks: tuple[Check, ...]
    """At least two: before the first step and after the last."""


def adapt(
    config: AdaptConfig,
    *,
    report: Report = lambda line: None,
    on_step: Callable[[Progress], None] = lambda progress: None,
    on_check: Callable[[Check], None] = lambda check: None,
) -> AdaptResult:
    """Train on and write the new checkpoint. One that was interrupted goes on after its last check.

    :param report: told one line as each part begins.
    :raises CheckpointError, CompressError, DataError: the target is not there then.
    """
    check_target(config.target)
    task = _prepare(config, report)
    identity = _identify(config, task)
    partial = config.target.with_name(config.target.name + ".partial")
    state = partial / _STATE
    if partial.exists() and not state.exists():
        shutil.rmtree(partial)  # not even one check was passed
    goes_on = read_state(state, identity)
    done = [Check(**values) for values in goes_on.values["checks"]] if goes_on else []
    if done:
        report(f"goes on after {done[-1].tokens:,} tokens, in {partial}")
    settings = _settings(config, task)
    record = AdaptRecord(partial, settings, done)

    def tell(check: Check) -> None:
        record.add(check)
        on_check(check)

    started = time.monotonic()
    checks = pretrain(
        config.pretrain,
        task.model,
        task.text,
        task.held_out,
        task.pieces,
        on_step=on_step,
        on_check=tell,
        state=state,
        identity=identity,
    )
    record.note("ended")
    # Seconds of this process; one that was interrupted took longer in all.
    seconds = round(time.monotonic() - started, 1)
    summary = settings | {"seconds": seconds, "before": _told(checks[0]), "after": _told(checks[-1])}
    _publish(config, partial, task, summary)
    return AdaptResult(task.model, checks)


@dataclass(frozen=True)
class _Task:
    """An adaptation as numbers."""

    model: MaskedModel
    tokenizer: tokenizers.Tokenizer
    pieces: Pieces
    text: PackedText
    held_out: PackedText
    has_own_head: bool


def _prepare(config: AdaptConfig, report: Report) -> _Task:
    base = find_base(config.base)
    model, tokenizer, has_own_head = read_masked_model(base, seed=config.pretrain.seed)
    documents, aside = _set_aside(shuffled(read_documents(config.text)))
    report(f"{len(documents):,} documents to adapt to, {len(aside):,} held out")
    if config.vocab_size is not None:
        texts = [text for document in documents[:_SAMPLED_DOCUMENTS] for text in document.paragraphs]
        sample = texts if config.sample_text is None else read_sample(config.sample_text)
        kept = [sentence.text for path in config.keep for sentence in read_annotations(path)]
        trimmed = trim_vocabulary(tokenizer, kept, target_size=config.vocab_size, sample=sample)
        model, tokenizer = trim_masked_model(model, trimmed.kept_ids), trimmed.tokenizer
    max_tokens = min(config.pretrain.max_tokens, model.config.max_positions)
    pieces = read_pieces(tokenizer, *special_ids(tokenizer))
    text = pack_documents(documents, tokenizer, max_tokens=max_tokens, enough=config.pretrain.tokens)
    held_out = pack_documents(aside, tokenizer, max_tokens=max_tokens, enough=_HELD_OUT_TOKENS)
    if not len(text.lengths) or not len(held_out.lengths):
        got = f"{text.n_tokens} tokens, and {held_out.n_tokens} held out"
        raise DataError("too little text", config.text[0].name, got, "sentences in both")
    report(
        f"{text.n_tokens:,} tokens in {len(text.lengths):,} sequences, {held_out.n_tokens:,} held out; "
        f"{model.config.vocab_size:,} pieces"
    )
    return _Task(model, tokenizer, pieces, text, held_out, has_own_head)


def _set_aside(documents: Sequence[Document]) -> tuple[list[Document], list[Document]]:
    """A hundredth of the documents, by hash of the id; at least one."""
    if len(documents) < 2:
        raise DataError(
            "too little text",
            "text to adapt to",
            f"{len(documents)} document",
            "two at least, one of them to measure by",
        )
    hashes = {document.id: zlib.crc32(b"held out" + document.id.encode()) for document in documents}
    aside = {id for id, value in hashes.items() if value % 100 == 0} or {
        min(hashes, key=lambda id: hashes[id])
    }
    if len(aside) == len(hashes):
        raise DataError("too little text", "text to adapt to", "documents of one id", "two different ones")
    return (
        [document for document in documents if document.id not in aside],
        [document for document in documents if document.id in aside],
    )


def _identify(config: AdaptConfig, task: _Task) -> str:
    """SHA-256 of all that the result depends on, the machine apart."""
    settings = [asdict(config.pretrain), torch.__version__]
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, value in task.model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().contiguous().numpy().data)
    for text in (task.text, task.held_out):
        for values in (text.ids, text.units, text.bounds):
            digest.update(values.data)
    return digest.hexdigest()


def _settings(config: AdaptConfig, task: _Task) -> dict[str, Any]:
    """What is known before the first step."""
    return {
        "step": "adapt",
        "base": name_of_base(config.base),
        "text": [path.name for path in config.text],
        "tokens_of_text": task.text.n_tokens,
        "tokens_held_out": task.held_out.n_tokens,
        "vocab_size": task.model.config.vocab_size,
        "masked_head": "the checkpoint's" if task.has_own_head else "new",
        "settings": asdict(config.pretrain),
    }


def _told(check: Check) -> dict[str, Any]:
    """A check as the model's card tells it."""
    shown = {name: value for name, value in asdict(check).items() if value is not None}
    return {name: round(value, 4) for name, value in shown.items()}


def _publish(config: AdaptConfig, partial: Path, task: _Task, summary: dict[str, Any]) -> None:
    history = read_history(find_base(config.base))
    try:
        write_masked_model(partial, task.model, task.tokenizer, (*history, summary))
        if config.target.exists():
            config.target.rmdir()
        partial.replace(config.target)
        # Last of all: until the folder has its name, a repeated command goes on from here.
        (config.target / _STATE).unlink()
    except OSError as exc:
        raise CheckpointError("cannot be written", str(config.target), str(exc)) from exc
