"""Figures: the same numbers give the same bytes, and every number can be found in its picture."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="figures need the extra package of [figures]")

import matplotlib.image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

from compress.errors import CompressError
from compress.figures import write_comparison_figures, write_sweep_figures
from compress.figures.bars import Bar, Panel, draw_bars
from compress.figures.canvas import write_figure
from compress.figures.comparison import _speed as speed_of
from compress.figures.front import Point, draw_front
from compress.figures.layers import Layout, draw_layers
from compress.figures.looks import Look, look_of_method, looks_of_models
from compress.figures.placing import spread
from compress.figures.radar import LabelScores, draw_labels
from compress.figures.sparsity import Line, draw_sparsity
from compress.pruning.methods.method import METHODS
from compress.sweeping.results import LinearBytes, SweepRow
from extract.score import LabelScore

LABELS = {"OS": 31, "PFS": 24, "ORR": 20, "OS_CIL": 9}
BLUE = Look("#0072B2")


def row(model: str, f1: float, pace: float, heads: list[int], *, front: bool = True) -> dict[str, Any]:
    """A row as ``extract models compare --json`` prints it."""
    scores = {label: {"precision": f1, "recall": f1, "f1": f1, "support": n} for label, n in LABELS.items()}
    return {
        "model": model,
        "f1": f1,
        "f1_low": f1 - 0.02,
        "f1_high": f1 + 0.02,
        "sentences_per_second": pace,
        "speedup_vs_dense": pace / 100,
        "seconds": [290 / pace, 300 / pace, 320 / pace],
        "batches_of_16": {
            order: {"sentences_per_second": times * pace, "speedup_vs_dense": pace / 100}
            for order, times in (("natural", 0.5), ("by_length", 0.8))
        },
        "bytes": 68_000_000,
        "heads_per_layer": heads,
        "neurons_per_layer": [64 * count for count in heads],
        "per_label": scores,
        "cost": 1000 / pace,
        "front": front,
    }


@pytest.fixture
def told() -> dict[str, Any]:
    rows = [
        row("dense", 0.93, 100.0, [4, 4], front=False),
        row("pruned25", 0.92, 125.0, [3, 3]),
        row("int8", 0.94, 220.0, [4, 4]),
        row("torch:checkpoint", 0.93, 30.0, [4, 4], front=False),
    ]
    return {
        "rows": rows,
        "sentences": 300,
        "repeats": 3,
        "reference": "dense",
        "cost_unit": "seconds for a thousand sentences",
    }


def sweep_row(method: str, share: float, seed: int | None, f1: float, *, int8: bool = False) -> SweepRow:
    """A row of a sweep; unstructured methods keep their shapes."""
    structured = method == "dense" or METHODS[method].structured
    size = round(8 * (1 - share)) if structured else 8
    return SweepRow(
        method=method,
        share=share,
        seed=seed,
        int8=int8,
        steps=1,
        macs_removed=share if structured else 0.0,
        weights_zeroed=0.0 if structured else share,
        heads_per_layer=(size, size),
        neurons_per_layer=(16 * size, 16 * size),
        f1=f1,
        precision=f1,
        recall=f1,
        accuracy=f1,
        per_label={label: LabelScore(f1, f1, f1, n) for label, n in LABELS.items()},
        agreement=f1,
        bytes=40_000_000,
        linear_bytes=None if structured else LinearBytes(30_000_000, 25_000_000, 16_000_000, 18_000_000),
        tokens_per_second=1000.0,
        best_tokens_per_second=1100.0,
        speed_vs_dense=1 / (1 - share) if structured else 1.0,
        build_seconds=5.0,
        peak_rss_bytes=10**9,
    )


@pytest.fixture
def rows() -> list[SweepRow]:
    found = [sweep_row("dense", 0.0, None, 0.93), sweep_row("dense", 0.0, None, 0.935, int8=True)]
    for share, loss in ((0.25, 0.01), (0.5, 0.05), (0.75, 0.5)):
        for seed in (0, 1, 2):
            found.append(sweep_row("fisher", share, seed, 0.93 - loss - 0.01 * seed))
            found.append(sweep_row("fisher", share, seed, 0.93 - loss - 0.012 * seed, int8=True))
        found.append(sweep_row("l1", share, None, 0.93 - 1.5 * loss))
    return found


def texts_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def clipped(figure: Figure) -> list[str]:
    """Texts that do not lie wholly in the picture."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    page = figure.bbox
    outside = []
    # Ticks beyond an axis have texts too, which are not drawn.
    ticks = {text for axes in figure.axes for text in axes.get_xticklabels()}
    for text in figure.findobj(Text):
        if text not in ticks and text.get_visible() and text.get_text().strip():
            box = text.get_window_extent(renderer)
            if box.x0 < page.x0 - 1 or box.y0 < page.y0 - 1 or box.x1 > page.x1 + 1 or box.y1 > page.y1 + 1:
                outside.append(text.get_text())
    return outside


def overlapping_names(figure: Figure) -> Iterator[tuple[str, str]]:
    """Names of points or lines that lie on one another."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    names = [text for axes in figure.axes for text in axes.texts if isinstance(text, Annotation)]
    boxes = [Text.get_window_extent(text, renderer).padded(-1) for text in names]
    for index, box in enumerate(boxes):
        for other in range(index):
            if box.overlaps(boxes[other]):
                yield names[index].get_text(), names[other].get_text()


def test_comparison_writes_each_figure_twice_and_the_same_bytes_each_time(
    told: dict[str, Any], tmp_path: Path
) -> None:
    first = write_comparison_figures(told, tmp_path / "a")
    assert {path.stem for path in first} == {"labels", "layers", "size", "speed", "pareto"}
    assert {path.suffix for path in first} == {".png", ".svg"}
    told_again = json.loads(json.dumps(told))  # as read back from --json
    for one, other in zip(first, write_comparison_figures(told_again, tmp_path / "b"), strict=True):
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()


def test_figures_do_not_hold_the_time_or_the_users_settings(told: dict[str, Any], tmp_path: Path) -> None:
    usual = write_comparison_figures(told, tmp_path / "a")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "svg.hashsalt": "other"}):
        changed = write_comparison_figures(told, tmp_path / "b")
    assert [path.read_bytes() for path in usual] == [path.read_bytes() for path in changed]
    svg = (tmp_path / "a" / "size.svg").read_text()
    assert "dc:date" not in svg
    assert "Matplotlib" not in svg


def test_pictures_are_as_wide_as_a_readme_at_twice_its_pixels(told: dict[str, Any], tmp_path: Path) -> None:
    for path in write_comparison_figures(told, tmp_path):
        if path.suffix == ".png":
            assert matplotlib.image.imread(io.BytesIO(path.read_bytes())).shape[1] == 1600


def test_models_that_keep_everything_have_no_heat_map(told: dict[str, Any], tmp_path: Path) -> None:
    rows = [row for row in told["rows"] if row["model"] != "pruned25"]
    paths = write_comparison_figures({**told, "rows": rows}, tmp_path)
    assert "layers" not in {path.stem for path in paths}


def test_sweep_writes_figures_of_each_precision(rows: list[SweepRow], tmp_path: Path) -> None:
    names = {path.stem for path in write_sweep_figures(rows, tmp_path)}
    both = {"sparsity", "labels", "size", "speed", "layers"}
    assert names == both | {f"{name}-int8" for name in both} | {"pareto"}


def test_sweep_without_speeds_has_no_figure_of_speed(rows: list[SweepRow], tmp_path: Path) -> None:
    untimed = [replace(row, speed_vs_dense=None) for row in rows if not row.int8 and row.method != "fisher"]
    names = {path.stem for path in write_sweep_figures(untimed, tmp_path)}
    assert names == {"sparsity", "labels", "size"}


def test_lines_begin_with_the_unpruned_model_of_their_precision(
    rows: list[SweepRow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, list[Line]] = {}

    def watch(title: str, dense: float, lines: list[Line]) -> Figure:
        drawn[title] = lines
        return draw_sparsity(title, dense, lines)

    monkeypatch.setattr("compress.figures.sweep.draw_sparsity", watch)
    write_sweep_figures(rows, tmp_path)
    fp32, int8 = ({line.name: line for line in lines} for lines in drawn.values())
    assert fp32["fisher"].shares == (0.0, 0.25, 0.5, 0.75)
    assert fp32["fisher"].medians == pytest.approx((0.93, 0.91, 0.87, 0.42))
    assert fp32["fisher"].lows == pytest.approx((0.93, 0.90, 0.86, 0.41))
    assert fp32["fisher"].highs == pytest.approx((0.93, 0.92, 0.88, 0.43))
    assert int8.keys() == {"fisher"}
    assert int8["fisher"].medians[0] == 0.935


def test_sweep_of_nothing_is_refused(rows: list[SweepRow], tmp_path: Path) -> None:
    for some in (rows[:2], rows[2:], []):
        with pytest.raises(CompressError, match="nothing to draw: got .* expected a dense model and others"):
            write_sweep_figures(some, tmp_path)


def test_folder_that_cannot_be_written_is_told(told: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CompressError, match=r"cannot write in .*labels\.png"):
        write_comparison_figures(told, tmp_path / "file")


def test_bars_are_as_long_as_their_numbers() -> None:
    figure = draw_bars(
        "Size",
        Panel("MB", [Bar("a", 68.0, "68.0 MB", BLUE), Bar("b", 17.0, "17.0 MB (9.0)", BLUE, inner=9.0)]),
    )
    assert [bar.get_width() for bar in figure.axes[0].patches] == [68.0, 17.0, 9.0]
    assert {"68.0 MB", "17.0 MB (9.0)", "a", "b", "MB"} <= set(texts_of(figure))


def test_speed_has_a_panel_for_each_way_of_timing(told: dict[str, Any], tmp_path: Path) -> None:
    figure = speed_of(told, looks_of_models([row["model"] for row in told["rows"]]))
    widths = [[bar.get_width() for bar in axes.patches] for axes in figure.axes]
    assert widths == [[100, 125, 220, 30], [50, 62.5, 110, 15], [80, 100, 176, 24]]
    assert "62 (1.2x)" in texts_of(figure)
    assert clipped(figure) == []
    for row in told["rows"]:
        del row["batches_of_16"]  # as earlier versions printed it
    assert len(speed_of(told, looks_of_models(list("abcd"))).axes) == 1


def test_radar_goes_through_every_score() -> None:
    models = [
        LabelScores("dense", {"OS": 0.9, "PFS": 0.8, "ORR": 0.7}, BLUE),
        LabelScores("pruned50", {"OS": 0.85, "PFS": 0.75}, BLUE),
    ]
    figure = draw_labels("F1 by label", {"OS": 3, "ORR": 5, "PFS": 4, "DoR": 0}, models)
    lines = [list(line.get_ydata()) for line in figure.axes[0].lines]
    # The most frequent label first; one that was never found is 0; back to the first.
    assert lines == [[0.7, 0.8, 0.9, 0.7], [0.0, 0.75, 0.85, 0.0]]
    assert {"ORR (5)", "PFS (4)", "OS (3)"} <= set(texts_of(figure))
    assert not any(text.startswith("DoR") for text in texts_of(figure))


def test_two_labels_become_rows_of_dots() -> None:
    models = [LabelScores(name, {"Chemical": f1}, BLUE) for name, f1 in (("dense", 0.9), ("int8", 0.89))]
    figure = draw_labels("F1 by label", {"Chemical": 5000}, models)
    assert [list(line.get_xdata()) for line in figure.axes[0].lines] == [[0.9], [0.89]]
    assert "0.890" in texts_of(figure)


def test_heat_map_tells_counts_and_leaves_out_dense_models() -> None:
    whole = Layout("dense", (12, 12, 12), (1536, 1536, 1536))
    models = [
        whole,
        Layout("pruned25", (9, 12, 6), (1200, 1000, 800)),
        Layout("pruned25-int8", (9, 12, 6), (1200, 1000, 800)),
        Layout("layers", (12, 12), (1536, 1536)),
    ]
    figure = draw_layers("What each layer keeps", whole, models)
    heads, neurons = figure.axes[0].images[0].get_array(), figure.axes[1].images[0].get_array()
    assert heads is not None
    assert neurons is not None
    assert heads[0].tolist() == [75.0, 100.0, 50.0]
    assert neurons[1].tolist()[:2] == [100.0, 100.0]
    assert heads.shape == (2, 3)
    assert [text.get_text() for text in figure.axes[0].texts] == ["9", "12", "6", "12", "12", "–"]
    assert "pruned25\npruned25-int8" in texts_of(figure)


def lines_of_all_methods() -> list[Line]:
    """Ten methods, eight of which end at the same place."""
    shares = (0.25, 0.5, 0.9)
    return [
        Line(name, shares, (0.93, 0.8, end), (0.92, 0.75, end), (0.94, 0.85, end), look_of_method(name))
        for name, end in zip(METHODS, (0.6, 0.5, *[0.01] * 8), strict=True)
    ]


def test_sparsity_shows_median_band_and_dense_line() -> None:
    (line, *_) = lines_of_all_methods()
    figure = draw_sparsity("F1", 0.93, [line])
    dense, drawn = figure.axes[0].lines
    assert set(dense.get_ydata()) == {0.93}
    assert list(drawn.get_xdata()) == [25, 50, 90]
    assert list(drawn.get_ydata()) == [0.93, 0.8, 0.6]
    band = figure.axes[0].collections[0].get_paths()[0].vertices
    assert {0.75, 0.85} <= set(band[:, 1].tolist())  # type: ignore[index,call-overload,union-attr]
    assert len(figure.axes) == 2, "a second panel shows what lies near the dense model"


CROWDED = [
    Point(f"pruned{n}-int8", 2.0 + 0.01 * n, 0.93 + 0.0004 * (n % 5), 0.91, 0.95, BLUE, front=n < 3)
    for n in range(8)
]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: draw_sparsity("F1 over what is removed", 0.93, lines_of_all_methods()),
        lambda: draw_front("F1 against cost", "seconds", CROWDED, note="note"),
    ],
)
def test_names_lie_in_the_picture_and_not_on_one_another(draw: Callable[[], Figure], tmp_path: Path) -> None:
    seen = []

    def drawn() -> Figure:
        seen.append(draw())
        return seen[0]

    write_figure(drawn, tmp_path, "figure")
    assert clipped(seen[0]) == []
    assert list(overlapping_names(seen[0])) == []


def test_spread_keeps_order_gap_and_bounds() -> None:
    moved = spread([0.0, 0.0, 0.05, 0.9], 0.1, 0.0, 1.0)
    assert moved == pytest.approx([0.0, 0.1, 0.2, 0.9])
    assert spread([0.3, 0.1], 0.1, 0.0, 1.0) == [0.3, 0.1]
    assert spread([0.99, 0.98], 0.1, 0.0, 1.0) == pytest.approx([1.0, 0.9])


def test_every_method_looks_different_and_only_zeroing_ones_are_dotted() -> None:
    looks = {name: look_of_method(name) for name in METHODS}
    assert len({(look.colour, look.marker) for look in looks.values()}) == len(METHODS)
    assert {name for name, look in looks.items() if look.stroke == ":"} == {
        name for name, method in METHODS.items() if not method.structured
    }


def test_models_of_a_comparison_look_different() -> None:
    looks = looks_of_models(["int8", "dense", *map(str, range(20)), "dense2"])
    assert len({(look.colour, look.marker) for look in looks}) == len(looks) == 23
    assert looks.index(look_of_method("dense")) == 1


def test_figures_need_no_torch() -> None:
    code = "import sys, compress.figures; assert not {'torch', 'transformers', 'onnx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
