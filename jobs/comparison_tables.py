"""Responsible for the tables of a comparison, as texts: for the terminal and for the page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Headings, and rows of texts."""

MARK = "*"
"""Stands behind the name of a variant on the Pareto front."""


def sentence_table(told: Mapping[str, Any]) -> Table:
    """What the sentences showed, a row a model."""
    columns: tuple[str, ...] = (
        "model",
        "F1",
        "95 %",
        "p50 ms",
        "p95 ms",
        "sentences/s",
        "tokens/s",
        "times",
        "MB",
        "peak MiB",
        "agreement",
    )
    rows: list[tuple[str, ...]] = [
        (
            _name(row),
            f"{row['f1']:.3f}",
            f"{row['f1_low']:.3f} to {row['f1_high']:.3f}",
            f"{row['latency_ms_p50']:,.2f}",
            f"{row['latency_ms_p95']:,.2f}",
            f"{row['sentences_per_second']:,.1f}",
            f"{row['tokens_per_second']:,.0f}",
            f"{row['speedup_vs_dense']:.2f}",
            f"{row['bytes'] / 1e6:.1f}",
            f"{row['peak_rss_bytes'] / 2**20:,.0f}",
            f"{row['agreement_with_dense']:.3f}",
        )
        for row in told["rows"]
    ]
    return columns, rows


def corpus_table(told: Mapping[str, Any]) -> Table:
    """What the whole job took, a row a model that ran it."""
    columns: tuple[str, ...] = (
        "model",
        "F1",
        "citations/s",
        "USD/M",
        "h for MEDLINE",
        "entities",
        "gated out",
        "MB",
        "worker MiB",
    )
    rows: list[tuple[str, ...]] = [
        (
            _name(row),
            f"{row['f1']:.3f}",
            f"{row['corpus']['citations_per_second']:,.1f}",
            f"{row['corpus']['usd_per_million_citations']:,.3f}",
            f"{row['corpus']['medline_hours']:,.1f}",
            f"{row['corpus']['entities']:,}",
            f"{row['corpus']['sentences_gated_out'] / max(row['corpus']['sentences'], 1):.1%}"
            if row["corpus"]["gate"]
            else "no gate",
            f"{row['bytes'] / 1e6:.1f}",
            f"{row['corpus']['worker_peak_rss_bytes'] / 2**20:,.0f}",
        )
        for row in told["rows"]
        if row["corpus"]
    ]
    return columns, rows


def label_table(told: Mapping[str, Any]) -> Table:
    """F1 of each label, a column a model."""
    labels = sorted({label for row in told["rows"] for label in row["per_label"]})
    rows = []
    for label in labels:
        scores = [row["per_label"].get(label) for row in told["rows"]]
        support = max(score["support"] for score in scores if score)
        cells = ["-" if score is None else f"{score['f1']:.3f}" for score in scores]
        rows.append((label, f"{support:,}", *cells))
    return ("label", "annotated", *(row["model"] for row in told["rows"])), rows


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['model']} {MARK}" if row["front"] else str(row["model"])
