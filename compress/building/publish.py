"""Responsible for writing a model bundle: whole, with its golden probe, or not at all."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from tokenizers import Tokenizer

from compress.encoder import EncoderConfig
from compress.errors import CompressError
from compress.files import replace_text
from compress.graphs.quantize import table_rows
from extract.bundle import (
    MANIFEST,
    MODEL,
    TOKENIZER,
    ModelBundle,
    Probe,
    Reading,
    Shape,
    hash_file,
    open_bundle,
)
from extract.tagger import Tagger, open_tagger

PROBE_SENTENCES = (
    "Median overall survival was 14.1 months (95% CI 11.2-17.8) against 9.6 months with placebo.",
    "The objective response rate was 43 % and the 5-year progression-free survival rate 21·5%.",
    "Cisplatin-induced nephrotoxicity was seen in 7 of 112 patients with BRCA1-mutated ovarian carcinoma.",
    "Blood pressure fell by 12 mmHg (P = .03); no patient was lost to follow-up.",
)
"""Golden sentences: numbers, units, brackets, a drug, a disease, a gene, and nothing at all."""

PROBE_TOLERANCE = 0.25
"""Logits of another CPU's float kernels differ by far less, those of saturating int8 products by far more."""

_NO_PROBE = Probe(sentences=(), tags=(), logits=(), tolerance=PROBE_TOLERANCE)


@dataclass(frozen=True)
class Draft:
    """A finished model, not yet a bundle."""

    name: str
    """Variant name."""
    onnx_model: onnx.ModelProto
    tokenizer: Tokenizer
    config: EncoderConfig
    reading: Reading
    macs_removed: float
    lineage: tuple[Mapping[str, Any], ...]


@contextmanager
def published(target: Path) -> Iterator[Path]:
    """An empty folder that becomes ``target`` when the block ends well, and is removed when it does not.

    :raises CompressError: when ``target`` exists already or cannot be written.
    """
    if target.exists():
        raise CompressError("the target exists", str(target), advice="name a folder that does not exist yet")
    staging = target.with_name(f".{target.name}.{uuid.uuid4().hex}.partial")
    try:
        staging.mkdir(parents=True)
    except OSError as exc:
        raise CompressError(
            "cannot write", str(target), str(exc), "a writable folder", "name another"
        ) from exc
    try:
        yield staging
        os.rename(staging, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_draft(folder: Path, draft: Draft) -> ModelBundle:
    """Write the files and a manifest with a golden probe taken on this machine; scores are still empty."""
    onnx.save(draft.onnx_model, folder / MODEL)
    draft.tokenizer.save(str(folder / TOKENIZER))
    bundle = ModelBundle(
        path=folder,
        name=draft.name,
        tags=draft.config.labels,
        files={name: hash_file(folder / name) for name in (MODEL, TOKENIZER)},
        shape=_shape(draft.config),
        reading=draft.reading,
        probe=_NO_PROBE,
        macs_removed=draft.macs_removed,
        scores={},
        lineage=draft.lineage,
    )
    write_manifest(bundle)
    probe = take_probe(open_tagger(open_bundle(folder)), PROBE_SENTENCES)
    write_manifest(replace(bundle, probe=probe))
    return open_bundle(folder)


def write_manifest(bundle: ModelBundle) -> None:
    """Write ``model.json`` of a bundle."""
    text = json.dumps(bundle.to_dict(), indent=1, ensure_ascii=False)
    replace_text(bundle.path / MANIFEST, text + "\n")


def take_probe(tagger: Tagger, sentences: Sequence[str]) -> Probe:
    """What the model says to ``sentences`` here and now."""
    logits = tagger.logits(sentences)
    return Probe(
        sentences=tuple(sentences),
        tags=tuple(tuple(rows.argmax(axis=1).tolist()) for rows in logits),
        logits=tuple(tuple(round(float(value), 4) for value in rows.max(axis=1)) for rows in logits),
        tolerance=PROBE_TOLERANCE,
    )


def _shape(config: EncoderConfig) -> Shape:
    return Shape(
        hidden_width=config.hidden_width,
        head_width=config.head_width,
        heads_per_layer=config.heads_per_layer,
        neurons_per_layer=config.neurons_per_layer,
        vocab_size=table_rows(config.vocab_size),
    )
