"""Responsible for the tables of a comparison, as texts: for the terminal and for the page. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Headings, and rows of texts."""

MARK = "*"
"""Stands behind the name of a variant on the Pareto front."""


def score_table(told: Mapping[str, Any]) -> Table:
    """What was found in the sentences, a row a model."""
    columns = (
        *("model", "F1", "95 %", "precision", "recall", "accuracy"),
        *(f"F1 to {told['reference']}", "95 % of that", "agreement"),
    )
    rows: list[tuple[str, ...]] = [
        (
            _name(row),
            f"{row['f1']:.3f}",
            f"{row['f1_low']:.3f} to {row['f1_high']:.3f}",
            f"{row['precision']:.3f}",
            f"{row['recall']:.3f}",
            f"{row['accuracy']:.3f}",
            *_difference(row, told),
            f"{row['agreement_with_dense']:.3f}",
        )
        for row in told["rows"]
    ]
    return columns, rows


def _difference(row: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[str, str]:
    if row["model"] == told["reference"]:
        return "", ""
    interval = f"{row['f1_difference_low']:+.3f} to {row['f1_difference_high']:+.3f}"
    return f"{row['f1_difference']:+.3f}", interval


def pace_table(told: Mapping[str, Any]) -> Table:
    """How fast the sentences went, a row a model."""
    columns = (
        *("model", "p50 ms", "p95 ms", "sentences/s", "tokens/s", "times"),
        *("16 by file: p50 ms", "p95 ms", "sentences/s", "times"),
        *("16 by length: p50 ms", "p95 ms", "sentences/s", "times"),
    )
    rows: list[tuple[str, ...]] = [
        (
            _name(row),
            f"{row['latency_ms_p50']:,.2f}",
            f"{row['latency_ms_p95']:,.2f}",
            f"{row['sentences_per_second']:,.1f}",
            f"{row['tokens_per_second']:,.0f}",
            f"{row['speedup_vs_dense']:.2f}",
            *_batch_cells(row["batches_of_16"]["natural"]),
            *_batch_cells(row["batches_of_16"]["by_length"]),
        )
        for row in told["rows"]
    ]
    return columns, rows


def _batch_cells(pace: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{pace['ms_per_sentence_p50']:,.2f}",
        f"{pace['ms_per_sentence_p95']:,.2f}",
        f"{pace['sentences_per_second']:,.1f}",
        f"{pace['speedup_vs_dense']:.2f}",
    )


def footprint_table(told: Mapping[str, Any]) -> Table:
    """What a model takes before and beside its work, a row each."""
    columns = (
        *("model", "MB", "load s", "private MiB", "shared MiB", "PSS MiB"),
        *("second worker MiB", "peak MiB"),
    )
    memory = ("private_bytes", "shared_bytes", "pss_bytes", "second_worker_bytes", "peak_rss_bytes")
    rows: list[tuple[str, ...]] = [
        (
            _name(row),
            f"{row['bytes'] / 1e6:.1f}",
            f"{row['load_seconds']:,.2f}",
            *("-" if row[name] is None else f"{row[name] / 2**20:,.0f}" for name in memory),
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
