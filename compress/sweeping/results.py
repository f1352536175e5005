"""Responsible for what a sweep found, as a file that lasts: one JSON object a line in ``results.jsonl``.

A line is added when its model has been built and scored, and never changed. A last line that an
interruption cut short counts as not written. No torch here: figures and other programs read these rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from compress.errors import CompressError
from extract.score import LabelScore

RESULTS = "results.jsonl"
DENSE = "dense"
"""The method of the rows of the model that all others are made from."""


@dataclass(frozen=True, slots=True)
class LinearBytes:
    """Bytes of the linear weights in formats that store zeros (:mod:`compress.pruning.sparsity`)."""

    dense: int
    """Every weight, zeros included: what the bundle holds and what the kernels read."""
    csr: int
    """Compressed rows: a value and a two-byte column for each weight that is not 0."""
    bitmap: int
    """A bit for each weight, and the values that are not 0."""
    gzip: int
    """The dense form, compressed."""


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One model of a sweep: how it was made, what it finds, what it costs."""

    method: str
    """One of :data:`compress.pruning.methods.method.METHODS`, or ``dense``."""
    share: float
    """Share asked to be removed, 0 (dense) to 0.99: of linear MACs, or of linear weights where a method only
    writes zeros."""
    seed: int | None
    """None where no lot was drawn: the dense model, and methods that look at the weights alone."""
    int8: bool
    """Whether linear layers are in int8; else the model is fp32."""
    steps: int
    """Rounds of pruning; 0 of the dense model."""
    macs_removed: float
    """Share of the dense encoder's linear MACs that is gone, 0 to 1; 0 of methods that only write zeros."""
    weights_zeroed: float
    """Share of the remaining linear weights that are 0, 0 to 1."""
    heads_per_layer: tuple[int, ...]
    """Bottom first."""
    neurons_per_layer: tuple[int, ...]
    f1: float
    """Strict entity scores, micro average, 0 to 1."""
    precision: float
    recall: float
    accuracy: float
    """Share of words and punctuation marks with the right tag, 0 to 1."""
    per_label: Mapping[str, LabelScore]
    agreement: float
    """F1 of its entities against those of the dense fp32 model, 0 to 1."""
    bytes: int
    """The bundle's files on disk, tokenizer included."""
    linear_bytes: LinearBytes | None
    """Of methods that only write zeros: what the zeros would save in other formats. None of others."""
    tokens_per_second: float | None
    """Median of rounds that alternate with the dense fp32 model, one thread, tokenising and decoding
    included; None where speed was not measured."""
    best_tokens_per_second: float | None
    """Of the quickest round."""
    speed_vs_dense: float | None
    """Median over the rounds of its pace to that of the dense fp32 model in the same round."""
    build_seconds: float
    """Pruning, calibrating and writing, without scoring."""
    peak_rss_bytes: int
    """Largest resident memory of the sweep while this model was built; the dense model and the data are
    part of it."""

    @property
    def key(self) -> tuple[str, float, int | None, bool]:
        """Method, share, seed, int8: no two rows of a sweep share it."""
        return self.method, self.share, self.seed, self.int8

    @property
    def name(self) -> str:
        """The variant's name, as ``pruned25-int8``; methods and seeds are not in it."""
        if not self.share:
            return "int8" if self.int8 else DENSE
        return f"pruned{round(100 * self.share)}" + ("-int8" if self.int8 else "")

    def to_dict(self) -> dict[str, Any]:
        """As a line of the file holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SweepRow:
        """The row that :meth:`to_dict` gave; fields of later versions are passed over.

        :raises ValueError, KeyError, TypeError: the values are no row.
        """
        known = {field.name: values[field.name] for field in fields(cls)}
        sizes = known["linear_bytes"]
        return cls(
            **known
            | {
                "heads_per_layer": tuple(known["heads_per_layer"]),
                "neurons_per_layer": tuple(known["neurons_per_layer"]),
                "per_label": {label: LabelScore(**score) for label, score in known["per_label"].items()},
                "linear_bytes": None if sizes is None else LinearBytes(**sizes),
            }
        )


def read_results(path: Path | str) -> list[SweepRow]:
    """The rows of a sweep in the order in which they were found; ``path`` is the file or the sweep's folder.

    :raises CompressError: there is no such file, or a line of it is no row.
    """
    path = Path(path)
    path = path / RESULTS if path.is_dir() else path
    rows = []
    for number, line in enumerate(_whole_lines(path), start=1):
        try:
            rows.append(SweepRow.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as exc:
            raise CompressError(
                "no row of a sweep", f"{path}:{number}", f"{type(exc).__name__}: {exc}"
            ) from exc
    return rows


def _whole_lines(path: Path) -> Sequence[str]:
    """All lines that were written to their end."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise CompressError("no results of a sweep", str(path), str(exc)) from exc
    return text.split("\n")[:-1]
