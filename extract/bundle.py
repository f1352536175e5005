"""Responsible for the model bundle: a folder of model, tokenizer and a manifest that vouches for both.

::

    pruned25-int8/
        model.json        the manifest: this module's format
        model.onnx        input_ids (batch, seq) int64 to logits (batch, seq, tags) float32, no padding
        tokenizer.json    Hugging Face `tokenizers` format
        gate.json         if there: which sentences the model need not see (:mod:`extract.gate`)
        README.md         the model card

A single flipped bit in an ONNX file usually loads and runs, so every file is hashed before use, and a
golden probe (:mod:`extract.tagger`) checks that the model also *answers* as it did where it was made.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from extract.errors import BundleError, NotPromoted
from extract.rules import NO_RULES, MentionRules, parse_rules

FORMAT = 1
MANIFEST = "model.json"
MODEL = "model.onnx"
TOKENIZER = "tokenizer.json"
GATE = "gate.json"

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file of the bundle must be."""

    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Shape:
    """The encoder's size."""

    hidden_width: int
    head_width: int
    heads_per_layer: tuple[int, ...]
    neurons_per_layer: tuple[int, ...]
    vocab_size: int
    """Rows of the word table; a few may stand for no word piece, so that those behind them begin aligned."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How sentences become tokens and tags become mentions: all but the weights that changes an answer."""

    max_tokens: int
    """Longest window in tokens, the two special ones included."""
    overlap: int
    """Tokens shared by neighbouring windows of a longer sentence."""
    start_token: int
    """Id put before every window (``[CLS]``)."""
    end_token: int
    """Id put after every window (``[SEP]``)."""
    whole_numbers: bool
    """Whether decoding keeps the digits and decimal point of one number in one mention."""
    min_score: float = 0.0
    """Mentions with a lower score are left out, 0 to 1. Chosen on dev data when the bundle is built."""
    rules: MentionRules = NO_RULES
    """What mentions look like, by label; bundles of before there were rules have none."""

    def to_dict(self) -> dict[str, Any]:
        """As written; without rules as before there were any, so that the model keeps its identity."""
        written = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "rules"}
        return written if self.rules == NO_RULES else {**written, "rules": self.rules.to_dict()}


@dataclass(frozen=True, slots=True)
class Probe:
    """Golden sentences and what the model said to them where it was made."""

    sentences: tuple[str, ...]
    tags: tuple[tuple[int, ...], ...]
    """Best tag of every token, special tokens left out."""
    logits: tuple[tuple[float, ...], ...]
    """Logit of that tag."""
    tolerance: float
    """Largest difference of a logit that still counts as the same answer."""


@dataclass(frozen=True)
class ModelBundle:
    """A verified bundle. Made by :func:`open_bundle`; every file had the hash that the manifest names."""

    path: Path
    name: str
    """Variant name, such as ``pruned25-int8``."""
    tags: tuple[str, ...]
    """Tag of each output column: ``O``, ``B-OS``, ``I-OS``, ..."""
    files: Mapping[str, FileEntry]
    shape: Shape
    reading: Reading
    probe: Probe
    macs_removed: float
    """Share of the encoder's linear MACs that is gone, measured on the finished model, 0 to 1."""
    scores: Mapping[str, Any]
    """``f1``, ``f1_dense``, ``data``, ``per_label``, as measured when the bundle was built."""
    lineage: tuple[Mapping[str, Any], ...]
    """How the model came to be, oldest step first."""
    sha256: str = field(default="")
    """Identity of the model: SHA-256 over everything that can change an answer."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Entity labels in the order of their ``B-`` tags."""
        return tuple(tag[2:] for tag in self.tags if tag.startswith("B-"))

    @property
    def n_bytes(self) -> int:
        """Size of the bundle's files, manifest left out, in bytes."""
        return sum(entry.n_bytes for entry in self.files.values())

    @property
    def has_gate(self) -> bool:
        return GATE in self.files

    @property
    def model_path(self) -> Path:
        return self.path / MODEL

    @property
    def tokenizer_path(self) -> Path:
        return self.path / TOKENIZER

    def to_dict(self) -> dict[str, Any]:
        """The manifest as written to ``model.json``."""
        return {
            "format": FORMAT,
            "name": self.name,
            "tags": list(self.tags),
            "files": {name: asdict(entry) for name, entry in sorted(self.files.items())},
            "shape": asdict(self.shape),
            "reading": self.reading.to_dict(),
            "probe": asdict(self.probe),
            "macs_removed": self.macs_removed,
            "scores": dict(self.scores),
            "lineage": [dict(step) for step in self.lineage],
        }


def hash_file(path: Path) -> FileEntry:
    """Size and SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return FileEntry(
            n_bytes=path.stat().st_size, sha256=hashlib.file_digest(stream, "sha256").hexdigest()
        )


def identity_sha256(manifest: Mapping[str, Any]) -> str:
    """SHA-256 over the parts of a manifest that can change an answer; scores and lineage are left out."""
    deciding = [name for name in (MODEL, TOKENIZER, GATE) if name != GATE or GATE in manifest["files"]]
    files = {name: manifest["files"][name]["sha256"] for name in deciding}
    identity = {"tags": manifest["tags"], "reading": manifest["reading"], "files": files}
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def read_manifest(path: Path) -> ModelBundle:
    """The bundle that a folder's manifest describes, its files not yet looked at.

    :raises BundleError: when there is no manifest or it is not one of this format.
    """
    manifest_path = path / MANIFEST
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise BundleError(
            "no model bundle", str(path), f"no {MANIFEST}", "a bundle folder", "see `extract models list`"
        ) from exc
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise BundleError(
            "unreadable manifest", str(manifest_path), str(exc), "JSON", "install the bundle again"
        ) from exc
    try:
        return _parse_manifest(path, manifest)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise BundleError(
            "malformed manifest",
            str(manifest_path),
            f"{type(exc).__name__} {exc}",
            f"format {FORMAT}",
            "install the bundle again",
        ) from exc


def open_bundle(path: Path) -> ModelBundle:
    """The bundle in a folder, after every file was checked against its hash.

    :raises BundleError: when the manifest or a file is missing or not what it should be.
    """
    bundle = read_manifest(path)
    for name, entry in bundle.files.items():
        _check_file(path / name, entry)
    return bundle


def _check_file(path: Path, entry: FileEntry) -> None:
    advice = "install or build the bundle again"
    if path.is_symlink() or not path.is_file():
        got = "a symbolic link" if path.is_symlink() else "no such file"
        raise BundleError("model_hash_mismatch", str(path), got, "a plain file", advice)
    found = hash_file(path)
    if found != entry:
        got = f"{found.n_bytes} bytes, sha256 {found.sha256[:12]}"
        raise BundleError(
            "model_hash_mismatch",
            str(path),
            got,
            f"{entry.n_bytes} bytes, sha256 {entry.sha256[:12]}",
            advice,
        )


def _parse_manifest(path: Path, manifest: Mapping[str, Any]) -> ModelBundle:
    if manifest["format"] != FORMAT:
        raise ValueError(f"format {manifest['format']!r}")
    return ModelBundle(
        path=path,
        name=str(manifest["name"]),
        tags=_parse_tags(manifest["tags"]),
        files=_parse_files(manifest["files"]),
        shape=_parse_shape(manifest["shape"]),
        reading=_parse_reading(manifest["reading"]),
        probe=_parse_probe(manifest["probe"]),
        macs_removed=float(manifest["macs_removed"]),
        scores=manifest["scores"],
        lineage=tuple(manifest["lineage"]),
        sha256=identity_sha256(manifest),
    )


def require_promoted(bundle: ModelBundle) -> None:
    """Let a bundle pass unless it was marked when it was built; one that was never judged passes.

    :raises NotPromoted: it was.
    """
    verdict = bundle.scores.get("promotion", {})
    if not verdict.get("passed", True):
        raise NotPromoted(
            "the variant falls too far below its dense model",
            bundle.name,
            "; ".join(verdict.get("failures", [])),
            "",
            "build a larger one, or run it all the same with --allow-ungated",
        )


def _parse_tags(tags: list[str]) -> tuple[str, ...]:
    labels = [tag[2:] for tag in tags if tag.startswith("B-")]
    expected = {"O"} | {f"{prefix}-{label}" for prefix in "BI" for label in labels}
    if len(tags) != len(expected) or set(tags) != expected:
        raise ValueError(f"tags {tags!r} are not O and one B-, I- pair a label")
    return tuple(tags)


def _parse_files(files: Mapping[str, Mapping[str, Any]]) -> dict[str, FileEntry]:
    parsed = {}
    for name, entry in files.items():
        if not _FILE_NAME.fullmatch(name) or not _SHA256.fullmatch(entry["sha256"]):
            raise ValueError(f"file entry {name!r}")
        parsed[name] = FileEntry(n_bytes=int(entry["n_bytes"]), sha256=entry["sha256"])
    if missing := {MODEL, TOKENIZER} - parsed.keys():
        raise ValueError(f"no entry for {sorted(missing)}")
    return parsed


def _parse_shape(shape: Mapping[str, Any]) -> Shape:
    per_layer = {
        name: tuple(int(count) for count in shape[name]) for name in ("heads_per_layer", "neurons_per_layer")
    }
    return Shape(**{**shape, **per_layer})


def _parse_reading(reading: Mapping[str, Any]) -> Reading:
    return Reading(**{**reading, "rules": parse_rules(reading.get("rules", {}))})


def _parse_probe(probe: Mapping[str, Any]) -> Probe:
    return Probe(
        sentences=tuple(probe["sentences"]),
        tags=tuple(tuple(row) for row in probe["tags"]),
        logits=tuple(tuple(row) for row in probe["logits"]),
        tolerance=float(probe["tolerance"]),
    )
