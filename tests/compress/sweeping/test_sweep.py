"""A sweep makes what builds make, loses nothing when it is killed, and mixes nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from compress.building.build import BuildConfig, build
from compress.building.lesson import Reader
from compress.checkpoint import write_checkpoint
from compress.errors import BudgetError, CompressError, DataError
from compress.pruning.methods.method import find_method
from compress.sweeping.bench import BUNDLES
from compress.sweeping.plan import Cell, Changes, SweepConfig, plan_cells
from compress.sweeping.results import DENSE, RESULTS, SweepRow, read_results
from compress.sweeping.summary import summarise, summary_table
from compress.sweeping.sweep import sweep
from compress.training.distil import DistilConfig
from extract.bundle import open_bundle
from extract.errors import AnnotationError
from tests.compress.conftest import build_model, build_tokenizer, make_sentences

STEPS = 2


def write_split(path: Path, *, count: int = 24) -> None:
    rows = [
        {
            "id": sentence.id,
            "doc": sentence.doc,
            "text": sentence.text,
            "entities": [
                {"start": span.start, "end": span.end, "label": span.label} for span in sentence.entities
            ],
        }
        for sentence in make_sentences(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkpoint and data of three splits."""
    folder = tmp_path_factory.mktemp("place")
    write_checkpoint(folder / "checkpoint", build_model(), build_tokenizer())
    (folder / "data").mkdir()
    for name, count in (("train", 24), ("dev", 9), ("test", 12)):
        write_split(folder / "data" / f"{name}.jsonl", count=count)
    return folder


def config_for(place: Path, target: Path, **changes) -> SweepConfig:
    settings = {
        "checkpoint": str(place / "checkpoint"),
        "data": place / "data",
        "target": target,
        "methods": ("fisher", "l1"),
        "shares": (25, 50),
        "changes": Changes(steps=STEPS),
        "max_tokens": 64,
        "overlap": 16,
    }
    return SweepConfig(**settings | changes)


@pytest.fixture(scope="module")
def swept(place: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[SweepConfig, tuple[SweepRow, ...]]:
    """A whole sweep on test, its bundles kept."""
    config = config_for(place, tmp_path_factory.mktemp("swept") / "sweep", split="test", keep=True)
    return config, sweep(config).rows


def settled(row: SweepRow) -> SweepRow:
    """A row without what no two runs have in common."""
    return replace(row, build_seconds=0.0, peak_rss_bytes=0)


@pytest.mark.parametrize(("method", "int8"), [("fisher", True), ("fisher", False), ("l1", True)])
def test_a_row_says_what_a_build_of_the_same_settings_says(
    swept: tuple[SweepConfig, tuple[SweepRow, ...]], tmp_path: Path, method: str, int8: bool
) -> None:
    config, rows = swept
    row = next(row for row in rows if (row.method, row.share, row.int8) == (method, 0.5, int8))
    bundle = build(
        BuildConfig(
            row.name,
            config.checkpoint,
            config.data,
            tmp_path / "built",
            method=method,
            prune=find_method(method).configure(steps=STEPS),
            max_tokens=64,
            overlap=16,
        )
    )
    assert round(row.f1, 4) == bundle.scores["f1"]
    assert round(row.accuracy, 4) == bundle.scores["accuracy"]
    assert {label: round(score.recall, 4) for label, score in row.per_label.items()} == {
        label: score["recall"] for label, score in bundle.scores["per_label"].items()
    }
    assert row.heads_per_layer == bundle.shape.heads_per_layer
    assert row.neurons_per_layer == bundle.shape.neurons_per_layer
    assert (row.macs_removed, row.bytes) == (bundle.macs_removed, bundle.n_bytes)
    seed = "" if row.seed is None else f"-seed{row.seed}"
    kept = open_bundle(config.target / BUNDLES / f"{method}-{row.name}{seed}")
    assert kept.sha256 == bundle.sha256
    assert kept.scores["promotion"] == bundle.scores["promotion"]


def test_a_sweep_has_the_dense_models_and_every_cell_once(
    swept: tuple[SweepConfig, tuple[SweepRow, ...]],
) -> None:
    config, rows = swept
    keys = [row.key for row in rows]
    assert len(set(keys)) == len(keys) == 2 + 2 * 2 * 2
    assert keys[:2] == [(DENSE, 0.0, None, False), (DENSE, 0.0, None, True)]
    assert rows[0].agreement == 1.0
    assert tuple(read_results(config.target)) == rows
    assert (config.target / BUNDLES / "int8").is_dir()


def test_zeros_are_counted_for_what_they_are(swept: tuple[SweepConfig, tuple[SweepRow, ...]]) -> None:
    _, rows = swept
    zeroed = next(row for row in rows if row.key == ("l1", 0.5, None, False))
    assert (zeroed.macs_removed, zeroed.weights_zeroed) == (0.0, 0.5)
    assert zeroed.linear_bytes is not None
    assert zeroed.linear_bytes.bitmap < zeroed.linear_bytes.dense < zeroed.bytes
    assert zeroed.bytes == pytest.approx(rows[0].bytes, rel=0.01)
    pruned = next(row for row in rows if row.key == ("fisher", 0.5, 0, False))
    assert pruned.linear_bytes is None
    assert pruned.bytes < rows[0].bytes


def test_a_distilled_row_says_what_a_distilled_build_says(place: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("Median OS was 8.5 months in all. Median PFS was 3 months in some.")
    reader = Reader((text,), settings=DistilConfig(rate=1e-3, bf16=False))
    config = config_for(
        place, tmp_path / "sweep", methods=("fisher",), shares=(50,), seeds=(1,), reader=reader
    )
    row = sweep(replace(config, precisions=(True,), keep=True)).rows[-1]
    kept = open_bundle(config.target / BUNDLES / "fisher-pruned50-int8-seed1")
    drawn = replace(reader, settings=replace(reader.settings, seed=1))
    built = build(
        BuildConfig(
            row.name,
            config.checkpoint,
            config.data,
            tmp_path / "built",
            prune=find_method("fisher").configure(steps=STEPS, seed=1),
            reader=drawn,
            max_tokens=64,
            overlap=16,
        )
    )
    assert (kept.files, kept.lineage) == (built.files, built.lineage)
    with pytest.raises(CompressError, match="distillation"):
        sweep(replace(config, keep=True, precisions=(True,), reader=drawn))
    with pytest.raises(DataError, match="fill the zeros again"):
        sweep(replace(config, target=tmp_path / "other", methods=("l1",)))


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from compress.sweeping.sweep import sweep
from compress.sweeping.plan import Changes, SweepConfig

place, target, last = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
def report(line):
    if line.startswith(last):
        os.kill(os.getpid(), signal.SIGKILL)
sweep(SweepConfig(str(place / "checkpoint"), place / "data", target, ("fisher", "l1"), (25, 50), split="test",
                  keep=True, changes=Changes(steps=2), max_tokens=64, overlap=16), report=report)
"""


def test_a_killed_sweep_goes_on_to_the_same_rows(
    place: Path, swept: tuple[SweepConfig, tuple[SweepRow, ...]], tmp_path: Path
) -> None:
    config, rows = swept
    target = tmp_path / "sweep"
    arguments = [sys.executable, "-c", KILLED, str(place), str(target), "  pruned25-int8"]
    done = subprocess.run(arguments, cwd=Path(__file__).resolve().parents[3], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert 0 < len(read_results(target)) < len(rows)
    with (target / RESULTS).open("a") as stream:
        stream.write('{"method": "fisher", "sha')
    (target / BUNDLES / "fisher-pruned50-seed0").mkdir()
    lines: list[str] = []
    again = sweep(replace(config, target=target), report=lines.append)
    assert "3 models to make, 2 are there already" in lines
    assert [settled(row) for row in again.rows] == [settled(row) for row in rows]
    assert [settled(row) for row in read_results(target)] == [settled(row) for row in rows]


def test_a_finished_sweep_opens_no_model_again(swept: tuple[SweepConfig, tuple[SweepRow, ...]]) -> None:
    config, rows = swept
    lines: list[str] = []
    assert sweep(config, report=lines.append).rows == rows
    assert not any("scoring" in line for line in lines)


def test_more_shares_and_seeds_are_added(
    swept: tuple[SweepConfig, tuple[SweepRow, ...]],
) -> None:
    config, rows = swept
    more = replace(config, shares=(25,), seeds=(0, 1), precisions=(True,))
    added = sweep(more).rows[len(rows) :]
    assert [row.key for row in added] == [("fisher", 0.25, 1, True)]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"split": "dev"}, "scored data, split"),
        ({"changes": Changes(steps=3)}, "steps"),
        ({"min_score": 0.5}, "min_score"),
        ({"speed": True}, "speed"),
    ],
)
def test_other_settings_are_refused(
    swept: tuple[SweepConfig, tuple[SweepRow, ...]], changed: dict, told: str
) -> None:
    config, rows = swept
    with pytest.raises(CompressError, match=f"other settings or data in .*different: {told}"):
        sweep(replace(config, **changed))
    assert read_results(config.target)[: len(rows)] == list(rows)


def test_other_weights_are_refused(swept: tuple[SweepConfig, tuple[SweepRow, ...]], tmp_path: Path) -> None:
    config, _ = swept
    write_checkpoint(tmp_path / "other", build_model(seed=1), build_tokenizer())
    with pytest.raises(CompressError, match="different: checkpoint"):
        sweep(replace(config, checkpoint=str(tmp_path / "other")))


def test_a_folder_of_something_else_is_left_alone(place: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CompressError, match="holds something else"):
        sweep(config_for(place, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_two_sweeps_do_not_write_into_one_folder(
    swept: tuple[SweepConfig, tuple[SweepRow, ...]],
) -> None:
    config, _ = swept
    with (config.target / RESULTS).open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(CompressError, match="another sweep is writing here"):
            sweep(config)


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    (tmp_path / RESULTS).write_text('{"method": "fisher"}\n')
    with pytest.raises(CompressError, match=r"no row of a sweep in .*results\.jsonl:1.*KeyError"):
        read_results(tmp_path)


def test_what_cannot_be_made_is_left_out_and_told(place: Path, tmp_path: Path) -> None:
    config = config_for(
        place,
        tmp_path / "sweep",
        methods=("layers", "magnitude"),
        shares=(60,),
        precisions=(False,),
        changes=Changes(finetune_epochs=0),
    )
    found = sweep(config)
    assert [row.key for row in found.rows] == [(DENSE, 0.0, None, False), ("magnitude", 0.6, None, False)]
    (cell, reason) = found.impossible[0]
    assert cell == Cell("layers", 60, 0)
    assert "the last layer to go" in reason


def test_a_sweep_of_which_nothing_can_be_made_is_an_error(place: Path, tmp_path: Path) -> None:
    config = config_for(place, tmp_path / "sweep", shares=(99,), methods=("magnitude",), precisions=(False,))
    with pytest.raises(BudgetError, match="none of the models can be made: got impossible budget"):
        sweep(config)
    assert [row.method for row in read_results(config.target)] == [DENSE]


def test_methods_without_a_lot_are_made_once(place: Path, tmp_path: Path) -> None:
    config = config_for(place, tmp_path, methods=("random", "magnitude"), shares=(25,), seeds=(3, 4))
    assert plan_cells(config) == [Cell("random", 25, 3), Cell("magnitude", 25, None), Cell("random", 25, 4)]
    # Reconstruction looks at sentences that the seed chooses.
    mended = plan_cells(replace(config, changes=Changes(reconstruct=True)))
    assert [cell.seed for cell in mended if cell.method == "magnitude"] == [3, 4]


def test_wrong_plans_are_refused_before_anything_is_read(tmp_path: Path) -> None:
    config = config_for(tmp_path / "nowhere", tmp_path / "sweep")
    for share in (0, 100):
        with pytest.raises(BudgetError, match=f"impossible budget.*{share} %"):
            sweep(replace(config, shares=(share,)))
    with pytest.raises(CompressError, match="unknown method"):
        sweep(replace(config, methods=("wanda",)))
    with pytest.raises(AnnotationError, match="no data folder"):
        sweep(config)
    assert list(tmp_path.iterdir()) == []


def test_test_is_never_made_of_training_data(place: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write_split(tmp_path / "data" / "train.jsonl")
    config = config_for(place, tmp_path / "sweep", data=tmp_path / "data", split="test")
    with pytest.raises(DataError, match="no test file"):
        sweep(config)
    with pytest.raises(DataError, match="no test file"):
        sweep(replace(config, data=tmp_path / "data" / "train.jsonl"))


def test_pace_is_against_the_dense_model(place: Path, tmp_path: Path) -> None:
    config = config_for(
        place, tmp_path / "sweep", methods=("magnitude",), shares=(50,), precisions=(False,), speed=True
    )
    dense, pruned = sweep(config).rows
    assert dense.speed_vs_dense == 1.0
    assert dense.tokens_per_second is not None
    assert pruned.best_tokens_per_second is not None
    assert pruned.tokens_per_second is not None
    assert 0 < pruned.tokens_per_second <= pruned.best_tokens_per_second


def test_a_summary_has_the_median_and_the_spread_of_seeds(
    swept: tuple[SweepConfig, tuple[SweepRow, ...]],
) -> None:
    _, rows = swept
    dense = replace(rows[0], f1=0.9)
    made = next(row for row in rows if row.method == "fisher")
    seeds = [replace(made, seed=seed, f1=f1) for seed, f1 in enumerate((0.7, 0.86, 0.8))]
    zeros = next(row for row in rows if row.method == "l1" and not row.int8)
    groups = summarise([*seeds, zeros, dense])
    assert [group.method for group in groups] == [DENSE, "fisher", "l1"]
    assert (groups[1].f1, groups[1].f1_min, groups[1].f1_max, groups[1].models) == (0.8, 0.7, 0.86, 3)
    assert groups[1].f1_to_dense == pytest.approx(-0.1)
    assert groups[1].sparse_bytes is None
    assert groups[2].sparse_bytes is not None
    assert groups[2].sparse_bytes < groups[2].bytes
    columns, cells = summary_table(groups)
    assert all(len(row) == len(columns) for row in cells)
    assert "0.7000 to 0.8600" in cells[1]
