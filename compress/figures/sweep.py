"""Responsible for the figures of a sweep (``extract models sweep --figures``)."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from compress.errors import CompressError
from compress.figures.bars import Bar, Panel, draw_bars
from compress.figures.canvas import write_figure
from compress.figures.front import Point, draw_front
from compress.figures.layers import Layout, draw_layers
from compress.figures.looks import DENSE as DENSE_LOOK
from compress.figures.looks import Look, look_of_method
from compress.figures.radar import LabelScores, draw_labels
from compress.figures.sparsity import Line, draw_sparsity
from compress.sweeping.results import DENSE, SweepRow

MOST_ON_RADAR = 5
"""Methods beside the dense model; more lines would not be told apart."""

MOST_LOST = 0.2
"""F1 below the best that the Pareto figure shows; what lies deeper would flatten the rest."""

Draw = Callable[[], Figure]


@dataclass(frozen=True)
class Cell:
    """A method at a share: all its seeds."""

    method: str
    share: float
    int8: bool
    rows: tuple[SweepRow, ...]

    @property
    def f1(self) -> float:
        return statistics.median(row.f1 for row in self.rows)

    @property
    def look(self) -> Look:
        return look_of_method(self.method)

    @property
    def middle(self) -> SweepRow:
        """The row of the median F1; of two in the middle, the lower."""
        return sorted(self.rows, key=lambda row: (row.f1, row.seed or 0))[(len(self.rows) - 1) // 2]

    @property
    def speeds(self) -> list[float]:
        """Times the dense model's pace, of the seeds whose speed was measured."""
        return [row.speed_vs_dense for row in self.rows if row.speed_vs_dense is not None]


def write_sweep_figures(rows: Sequence[SweepRow], folder: Path | str) -> list[Path]:
    """Write ``sparsity``, ``labels``, ``layers``, ``size``, ``speed`` and ``pareto``, each as PNG and SVG.

    ``sparsity`` and ``pareto`` show all shares, the others the one nearest to a half. Int8 has figures of its
    own, with ``-int8`` behind their names. Without speeds there is no ``speed`` and no ``pareto``, and no
    ``layers`` where no method takes units out.

    :returns: the files.

    :raises CompressError: when there is no dense model or nothing else among the rows, or nothing can be
        written.
    """
    dense = next((row for row in rows if row.method == DENSE and not row.int8), None)
    cells = _cells(rows)
    if dense is None or not cells:
        raise CompressError("nothing to draw", got=f"{len(rows)} rows", expected="a dense model and others")
    draws: dict[str, Draw] = {}
    for int8 in (False, True):
        some = [cell for cell in cells if cell.int8 == int8]
        whole = [row for row in rows if row.method == DENSE and row.int8 == int8]
        if some:
            plan = _plan(dense, whole, some)
            draws |= {f"{name}{'-int8' * int8}": draw for name, draw in plan.items()}
    if any(cell.speeds for cell in cells):
        timed = [cell for cell in _cells(rows, dense=True) if cell.speeds]
        draws["pareto"] = partial(_pareto, timed)
    return [path for name, draw in draws.items() for path in write_figure(draw, Path(folder), name)]


def _plan(dense: SweepRow, whole: Sequence[SweepRow], cells: Sequence[Cell]) -> dict[str, Draw]:
    """The figures of one precision; ``whole`` is its row of which nothing is removed, if there is one."""
    share = _common_share(cells)
    alike = sorted((cell for cell in cells if cell.share == share), key=lambda cell: -cell.f1)
    text = f"{share:.0%} removed" + (", int8" if cells[0].int8 else ", fp32")
    draws: dict[str, Draw] = {
        "sparsity": partial(_sparsity, dense, whole, cells),
        "labels": partial(_labels, text, dense, alike),
        "size": partial(_size, text, dense, alike),
    }
    layouts = [
        Layout(cell.method, cell.middle.heads_per_layer, cell.middle.neurons_per_layer)
        for cell in alike
        if cell.middle.macs_removed
    ]
    if layouts:
        largest = Layout("dense", dense.heads_per_layer, dense.neurons_per_layer)
        draws["layers"] = partial(draw_layers, f"What each layer keeps, {text}", largest, layouts)
    if any(cell.speeds for cell in alike):
        draws["speed"] = partial(_speed, text, alike)
    return draws


def _cells(rows: Sequence[SweepRow], *, dense: bool = False) -> list[Cell]:
    """Rows by method, share and precision, the dense model's left out or among them."""
    groups: dict[tuple[str, float, bool], list[SweepRow]] = defaultdict(list)
    for row in rows:
        if dense or row.method != DENSE:
            groups[row.method, row.share, row.int8].append(row)
    return [Cell(*key, tuple(groups[key])) for key in sorted(groups)]


def _common_share(cells: Sequence[Cell]) -> float:
    """The share nearest to a half of those at which most methods were tried."""
    count = Counter(cell.share for cell in cells)
    most = max(count.values())
    return min(
        (share for share in count if count[share] == most), key=lambda share: (abs(share - 0.5), share)
    )


def _sparsity(dense: SweepRow, whole: Sequence[SweepRow], cells: Sequence[Cell]) -> Figure:
    """Every line begins where nothing is removed yet."""
    start = tuple(row.f1 for row in whole)
    by_method: Mapping[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_method[cell.method].append(cell)
    lines = [
        Line(
            name=method,
            shares=(*(row.share for row in whole), *(cell.share for cell in found)),
            medians=start + tuple(cell.f1 for cell in found),
            lows=start + tuple(min(row.f1 for row in cell.rows) for cell in found),
            highs=start + tuple(max(row.f1 for row in cell.rows) for cell in found),
            look=look_of_method(method),
        )
        for method, found in by_method.items()
    ]
    n_seeds = max(len(cell.rows) for cell in cells)
    spread = f": median of {n_seeds} seeds, band from least to most" if n_seeds > 1 else ""
    title = f"F1 over what is removed, {'int8' if cells[0].int8 else 'fp32'}{spread}"
    return draw_sparsity(title, dense.f1, lines)


def _labels(text: str, dense: SweepRow, cells: Sequence[Cell]) -> Figure:
    shown = cells[:MOST_ON_RADAR]
    few = f" ({len(shown)} best of {len(cells)} methods)" if len(shown) < len(cells) else ""
    models = [LabelScores(DENSE, _f1(dense), DENSE_LOOK)]
    models += [LabelScores(cell.method, _f1(cell.middle), cell.look) for cell in shown]
    support = {label: score.support for label, score in dense.per_label.items()}
    return draw_labels(f"F1 by label, {text}{few}", support, models)


def _f1(row: SweepRow) -> dict[str, float]:
    return {label: score.f1 for label, score in row.per_label.items()}


def _size(text: str, dense: SweepRow, cells: Sequence[Cell]) -> Figure:
    bars = [Bar("dense, fp32", dense.bytes / 1e6, f"{dense.bytes / 1e6:.1f} MB", DENSE_LOOK)]
    for cell in cells:
        size = statistics.median(row.bytes for row in cell.rows)
        best = _best_stored(cell.middle)
        label = f"{size / 1e6:.1f} MB" + (f" ({best / 1e6:.1f})" if best else "")
        bars.append(
            Bar(cell.method, size / 1e6, label, cell.look, inner=None if best is None else best / 1e6)
        )
    axis = "files on disk, MB"
    if any(bar.inner is not None for bar in bars):
        axis += "; hatched, in brackets: if the format stored zeros sparsely, as it does not"
    return draw_bars(f"Size, {text}", Panel(axis, bars))


def _best_stored(row: SweepRow) -> float | None:
    """Bytes of the files if the linear weights were in the form that stores their zeros best."""
    sizes = row.linear_bytes
    return None if sizes is None else row.bytes - sizes.dense + min(sizes.csr, sizes.bitmap, sizes.gzip)


def _speed(text: str, cells: Sequence[Cell]) -> Figure:
    bars = [Bar("dense, fp32", 1.0, "1x", DENSE_LOOK)]
    for cell in cells:
        if speeds := cell.speeds:
            middle = statistics.median(speeds)
            bars.append(Bar(cell.method, middle, f"{middle:.2f}x", cell.look, min(speeds), max(speeds)))
    return draw_bars(f"Speed, {text}", Panel("pace in times the dense fp32 model's, one thread", bars))


def _pareto(cells: Sequence[Cell]) -> Figure:
    """Cost is time, as a share of the dense model's."""
    costs = [1 / statistics.median(cell.speeds) for cell in cells]
    front = [
        not any(
            other.f1 >= cell.f1 and price <= cost and (other.f1 > cell.f1 or price < cost)
            for other, price in zip(cells, costs, strict=True)
        )
        for cell, cost in zip(cells, costs, strict=True)
    ]
    floor = max(cell.f1 for cell in cells) - MOST_LOST
    points = [
        Point(
            name=_point_name(cell) if on_front or cell.method == DENSE else "",
            cost=100 * cost,
            f1=cell.f1,
            low=max(floor, min(row.f1 for row in cell.rows)),
            high=max(row.f1 for row in cell.rows),
            look=cell.look,
            front=on_front,
            hollow=not cell.int8,
            group=cell.method,
        )
        for cell, cost, on_front in zip(cells, costs, front, strict=True)
        if cell.f1 >= floor
    ]
    note = "filled: int8, hollow: fp32; bars: all seeds; the line is the Pareto front"
    if n_left := len(cells) - len(points):
        note += f"; {n_left} below {floor:.2f} left out"
    return draw_front(
        "F1 against time", "time for the same text, % of the dense fp32 model's", points, note=note
    )


def _point_name(cell: Cell) -> str:
    return cell.rows[0].name if cell.method == DENSE else f"{cell.method} {cell.share:.0%}"
