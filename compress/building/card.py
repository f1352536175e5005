"""Responsible for the model card: the bundle's manifest in words and tables, for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from compress.files import replace_text
from extract.bundle import ModelBundle

CARD = "README.md"

_COLUMNS = ("label", "precision", "recall", "F1", "support")

_LIMITS = """\
The model reads one sentence at a time: what a value belongs to must stand in the same sentence. It was scored
on text like its training data; on other text expect less, and look before you trust. Its answers are
statements of the text, not of the world, and no basis for treating a patient.
"""

_IDENTITY = re.compile(r"\| identity \| sha256 `[0-9a-f]{64}` \|")


def write_card(bundle: ModelBundle) -> None:
    """Write ``README.md`` into the bundle's folder."""
    replace_text(bundle.path / CARD, render_card(bundle))


def write_identity(bundle: ModelBundle) -> None:
    """Let the card name the bundle's identity, which has changed; what people added to the card stays."""
    path = bundle.path / CARD
    if path.is_file():
        row = f"| identity | sha256 `{bundle.sha256}` |"
        replace_text(path, _IDENTITY.sub(row, path.read_text(encoding="utf-8"), count=1))


def render_card(bundle: ModelBundle) -> str:
    """The card as Markdown."""
    parts = [f"# {bundle.name}", _summary(bundle), "## Scores", _scores(bundle.scores)]
    parts += ["## How it was made", _lineage(bundle.lineage), "## Limits", _LIMITS.strip()]
    return "\n\n".join(parts) + "\n"


def _summary(bundle: ModelBundle) -> str:
    shape = bundle.shape
    rows = [
        ("task", f"named-entity recognition, {len(bundle.labels)} labels: {', '.join(bundle.labels)}"),
        ("encoder", f"{len(shape.heads_per_layer)} layers, width {shape.hidden_width}"),
        ("vocabulary", f"{shape.vocab_size:,} rows of word pieces"),
        ("heads per layer", _join(shape.heads_per_layer)),
        ("neurons per layer", _join(shape.neurons_per_layer)),
        ("linear MACs removed", f"{bundle.macs_removed:.1%}"),
        ("size", f"{bundle.n_bytes / 1e6:.1f} MB"),
        ("identity", f"sha256 `{bundle.sha256}`"),
    ]
    return _table(("", ""), rows)


def _scores(scores: Mapping[str, Any]) -> str:
    if "f1" not in scores:
        return "Not scored."
    data = scores["data"]
    text = (
        f"Strict entity scores (seqeval, IOB2, micro average) on {data['sentences']} held-out sentences"
        f" (`{data['name']}`, sha256 `{data['sha256'][:12]}`):"
        f" F1 {scores['f1']:.3f}, precision {scores['precision']:.3f}, recall {scores['recall']:.3f}."
        f" The uncompressed fp32 model has F1 {scores['f1_dense']:.3f} on the same sentences."
    )
    rows = [
        (label, f"{row['precision']:.3f}", f"{row['recall']:.3f}", f"{row['f1']:.3f}", str(row["support"]))
        for label, row in scores["per_label"].items()
    ]
    parts = [text, _promotion(scores.get("promotion")), _table(_COLUMNS, rows)]
    return "\n\n".join(part for part in parts if part)


def _promotion(verdict: Mapping[str, Any] | None) -> str:
    if verdict is None:
        return ""
    if verdict["passed"]:
        return "It stays within the margins that a variant may fall below its dense model."
    return (
        "**It falls too far below its dense model**, and a run refuses it without `--allow-ungated`: "
        + "; ".join(verdict["failures"])
        + "."
    )


def _lineage(lineage: Iterable[Mapping[str, Any]]) -> str:
    steps = []
    for number, step in enumerate(lineage, start=1):
        settings = _join({key: value for key, value in step.items() if key != "step"})
        steps.append(f"{number}. **{step.get('step', 'step')}**: {settings}")
    return "\n".join(steps) or "Not recorded."


def _join(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {text}" for key, item in value.items() if (text := _join(item)))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_join(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
