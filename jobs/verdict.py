"""Responsible for what a comparison tells: its rows, the Pareto front, which variant runs tonight. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from jobs.comparison import Comparison
from jobs.corpus_comparison import CorpusRow
from jobs.pareto import TOLERANCE, Point, choose, find_front

USD = "USD for a million citations"
SECONDS = "seconds for a thousand sentences"


def tell(
    comparison: Comparison, corpus: Sequence[CorpusRow] = (), *, tolerance: float = TOLERANCE
) -> dict[str, Any]:
    """The comparison as plain values, by its contract names.

    Cost is USD for a million citations where the models ran over a corpus, else time for sentences; models
    that only took part in one of the two are left out of the choice.

    :param tolerance: how far F1 may lie below the best.
    """
    told = comparison.to_dict()
    runs = {row.model: row.to_dict() for row in corpus}
    for row in told["rows"]:
        row["corpus"] = runs.get(row["model"])
        row["cost"] = _cost(row, with_corpus=bool(corpus))
        row["front"] = False
    taking_part = [row for row in told["rows"] if row["cost"] is not None]
    points = [Point(row["model"], row["f1"], row["cost"]) for row in taking_part]
    for row, on_front in zip(taking_part, find_front(points), strict=True):
        row["front"] = on_front
    unit = USD if corpus else SECONDS
    chosen = choose(points, unit=unit, tolerance=tolerance)
    return {**told, "cost_unit": unit, "tolerance": tolerance, "runs_tonight": asdict(chosen)}


def _cost(row: Mapping[str, Any], *, with_corpus: bool) -> float | None:
    if not with_corpus:
        return round(1000 / float(row["sentences_per_second"]), 6)
    return None if row["corpus"] is None else float(row["corpus"]["usd_per_million_citations"])
