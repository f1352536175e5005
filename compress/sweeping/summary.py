"""Responsible for what a sweep comes to: by method and share, median F1 and its spread over seeds. Pure."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from compress.sweeping.results import DENSE, SweepRow

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Headings, and rows of texts."""


@dataclass(frozen=True, slots=True)
class Group:
    """The models of one method, share and precision; numbers are medians over its seeds."""

    method: str
    share: float
    int8: bool
    models: int
    """How many there are."""
    f1: float
    f1_min: float
    f1_max: float
    f1_to_dense: float
    """The median less the F1 of the dense fp32 model; negative where it is worse."""
    agreement: float
    macs_removed: float
    weights_zeroed: float
    bytes: int
    sparse_bytes: int | None
    """Of methods that only write zeros: size of the files if the linear weights were stored in the smallest
    of the forms that know zeros."""
    tokens_per_second: float | None
    speed_vs_dense: float | None
    build_seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def summarise(rows: Iterable[SweepRow]) -> list[Group]:
    """The groups: the dense model first, then methods in the order in which they came, shares rising."""
    grouped: dict[tuple[str, float, bool], list[SweepRow]] = defaultdict(list)
    for row in rows:
        grouped[row.method, row.share, row.int8].append(row)
    methods = list(dict.fromkeys([DENSE, *(method for method, _, _ in grouped)]))
    order = sorted(grouped, key=lambda key: (methods.index(key[0]), key[2], key[1]))
    dense = next((group[0].f1 for key, group in grouped.items() if key == (DENSE, 0.0, False)), 0.0)
    return [_group(grouped[key], dense) for key in order]


def _group(rows: Sequence[SweepRow], dense_f1: float) -> Group:
    first = rows[0]
    f1 = statistics.median(row.f1 for row in rows)
    sparse = [_sparse_bytes(row) for row in rows]
    return Group(
        method=first.method,
        share=first.share,
        int8=first.int8,
        models=len(rows),
        f1=f1,
        f1_min=min(row.f1 for row in rows),
        f1_max=max(row.f1 for row in rows),
        f1_to_dense=f1 - dense_f1,
        agreement=statistics.median(row.agreement for row in rows),
        macs_removed=statistics.median(row.macs_removed for row in rows),
        weights_zeroed=statistics.median(row.weights_zeroed for row in rows),
        bytes=round(statistics.median(row.bytes for row in rows)),
        sparse_bytes=None if None in sparse else round(_median(sparse) or 0),
        tokens_per_second=_median([row.tokens_per_second for row in rows]),
        speed_vs_dense=_median([row.speed_vs_dense for row in rows]),
        build_seconds=statistics.median(row.build_seconds for row in rows),
    )


def _sparse_bytes(row: SweepRow) -> int | None:
    sizes = row.linear_bytes
    return None if sizes is None else row.bytes - sizes.dense + min(sizes.csr, sizes.bitmap, sizes.gzip)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def summary_table(groups: Sequence[Group]) -> Table:
    """The groups as texts, a row each."""
    columns = (
        *("method", "share", "", "F1", "min to max", "models", "to dense", "agreement", "MACs gone"),
        *("zeros", "MB", "MB sparse", "tokens/s", "times", "build s"),
    )
    return columns, [_cells(group) for group in groups]


def _cells(group: Group) -> tuple[str, ...]:
    return (
        group.method,
        f"{group.share:.0%}" if group.share else "",
        "int8" if group.int8 else "fp32",
        f"{group.f1:.4f}",
        f"{group.f1_min:.4f} to {group.f1_max:.4f}" if group.models > 1 else "",
        str(group.models),
        f"{group.f1_to_dense:+.4f}",
        f"{group.agreement:.3f}",
        f"{group.macs_removed:.1%}",
        f"{group.weights_zeroed:.1%}" if group.sparse_bytes is not None else "",
        f"{group.bytes / 1e6:.1f}",
        "" if group.sparse_bytes is None else f"{group.sparse_bytes / 1e6:.1f}",
        "" if group.tokens_per_second is None else f"{group.tokens_per_second:,.0f}",
        "" if group.speed_vs_dense is None else f"{group.speed_vs_dense:.2f}",
        f"{group.build_seconds:,.0f}",
    )
