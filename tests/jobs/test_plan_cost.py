"""A plan measures a sample by the code of a run, and scales it by rules that can be checked by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from extract.slices import Slice
from extract.source import SourceFile, iter_records
from jobs.cli import main
from jobs.errors import InputMissing
from jobs.forecast import make_plan
from jobs.model import BundleSource
from jobs.plan_cost import STAGES, Measured, ShardCost, fit_shard_cost, histogram, makespan, predict
from jobs.plan_notes import find_plan, prediction_error, read_plans, write_plans
from jobs.probe import Lengths
from jobs.report import read_report
from jobs.sample import COUNT_ALL_BYTES, Sample, read_sample
from tests.corpus import make_citation, write_medline
from tests.jobs.conftest import RunJob


def measured(*, workers: int = 2) -> Measured:
    """10 ms a citation, 0.5 s a shard, 0.25 s a file, 3 s to start."""
    return Measured(
        model="int8",
        model_sha256="ab",
        gate=True,
        n_workers=workers,
        n_citations=200,
        n_tokens=6000,
        n_gated_out=0,
        start_seconds=3.0,
        check_seconds=0.25,
        shard=ShardCost(0.5, 0.01),
        cpu_share=1.0,
        stage_seconds=dict.fromkeys(STAGES, 0.1),
        lengths=(Lengths((2,), (10,), 0.1, 0.1),),
    )


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """1,000 citations in 4 files of 1 MB, 1 microsecond a byte to check."""
    files = [
        (
            tmp_path / name,
            SourceFile(name, "medline", "ab", 1_000_000, 250, None, None, (Slice(0, 0, 1, 250, 0),)),
        )
        for name in ("a.xml", "b.xml", "c.xml", "d.xml")
    ]
    sizes = tuple((path.name, source.n_bytes) for path, source in files)
    return Sample(sizes, 1000, True, 1e-6, tuple(files))


def test_parts_of_the_prediction_add_up(sample: Sample) -> None:
    told = predict(measured(), sample, n_workers=2)
    # Four files of a second and a quarter, two for each worker.
    assert told.check_seconds == pytest.approx(2 * 1.25)
    # Shards hold 200 citations at least, so each file has one of 200 and one of 50, two files a worker.
    assert told.process_seconds == pytest.approx(2 * (2.5 + 1.0))
    assert told.wall_seconds == pytest.approx(3.0 + 2.5 + 7.0)
    assert told.usd == pytest.approx(2 * 0.048 * 12.5 / 3600)
    assert told.to_dict()["tokens_per_second"] == pytest.approx(30 * 1000 / 12.5, rel=1e-3)


def test_corpus_is_scaled_from_the_inputs(sample: Sample) -> None:
    told = predict(measured(), sample, n_workers=16, n_citations=1_000_000, price_per_hour=1.0)
    # 4,000 files of 250 citations, one shard each.
    assert told.process_seconds == pytest.approx(4000 / 16 * (0.5 + 2.5))
    assert told.check_seconds == pytest.approx(4000 / 16 * 1.25)
    assert told.usd == pytest.approx(told.wall_seconds / 3600)


@given(seconds=st.lists(st.floats(0, 10, width=16), min_size=1, max_size=30), n_workers=st.integers(1, 5))
def test_last_task_ends_between_the_bounds_of_any_schedule(seconds: list[float], n_workers: int) -> None:
    end = makespan(iter(seconds), n_workers)
    least = max(max(seconds), sum(seconds) / n_workers)
    assert least - 1e-6 <= end <= sum(seconds) / n_workers + max(seconds) + 1e-6


def test_cost_of_a_shard_is_told_from_two_sizes() -> None:
    assert fit_shard_cost((10, 0.6), (110, 1.6)) == ShardCost(pytest.approx(0.5), pytest.approx(0.01))
    # Where larger shards seem quicker, or as large: all by record.
    assert fit_shard_cost((10, 0.6), (100, 0.5)) == ShardCost(0.0, 0.005)
    assert fit_shard_cost((10, 0.6), (10, 0.5)) == ShardCost(0.0, 0.05)
    # Where small ones seem to cost nothing, no shard may come out cheaper than that.
    assert fit_shard_cost((10, 0.0), (100, 0.9)) == ShardCost(0.0, pytest.approx(0.009))


def test_histogram_counts_every_value() -> None:
    bins = histogram([1, 8, 9, 300], (8, 256))
    assert bins == [
        {"from": 0, "to": 8, "count": 2},
        {"from": 9, "to": 256, "count": 1},
        {"from": 257, "to": None, "count": 1},
    ]


def test_error_is_told_only_for_the_predicted_work() -> None:
    plan = {
        "model_sha256": "ab",
        "workers": 2,
        "citations": 100,
        "wall_seconds": 10.0,
        "noted_at": "2026-11-21T08",
        "gate": True,
    }
    run = {
        "started_at": "2026-11-21T09",
        "model_sha256": "ab",
        "n_workers": 2,
        "n_citations": 100,
        "gate": True,
    }
    assert find_plan([plan], **run) == plan  # type: ignore[arg-type]
    assert prediction_error(plan, 11.0) == pytest.approx(0.1)
    for other in (
        {"started_at": "2026-11-21T07"},
        {"model_sha256": "cd"},
        {"n_workers": 1},
        {"n_citations": 90},
        {"gate": False},
    ):
        assert find_plan([plan], **{**run, **other}) is None  # type: ignore[arg-type]


def test_small_inputs_are_counted(tmp_path: Path) -> None:
    for number in (1, 2):
        write_medline(tmp_path / f"{number}.xml.gz", [make_citation(pmid) for pmid in range(1, 30 * number)])
    sample = read_sample(sorted(tmp_path.iterdir()))
    assert (sample.n_files, sample.n_citations, sample.exact, len(sample.files)) == (2, 88, True, 2)


def test_pieces_can_be_read_and_are_spread(tmp_path: Path) -> None:
    for number in (1, 2):
        write_medline(tmp_path / f"{number}.xml.gz", [make_citation(pmid) for pmid in range(1, 101)])
    sample = read_sample(sorted(tmp_path.iterdir()))
    pieces = sample.cut(4, 30)
    assert [(piece.path.name, piece.piece.first_position) for piece in pieces] == [
        ("1.xml.gz", 0),
        ("1.xml.gz", 50),
        ("2.xml.gz", 0),
        ("2.xml.gz", 50),
    ]
    for piece in pieces:
        records = list(iter_records(piece.path, piece.source.format, piece.piece))
        assert [record.position for record in records] == list(
            range(piece.piece.first_position, piece.piece.first_position + 30)
        )
    assert {piece.piece.n_records for piece in sample.cut(3, 1000)} == {100}, "no more than a file has"


def test_large_inputs_are_estimated_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.sample.COUNT_ALL_BYTES", 1000)
    assert COUNT_ALL_BYTES > 1000
    citations = [make_citation(pmid) for pmid in range(1, 100)]
    paths = [write_medline(tmp_path / f"{number}.xml", citations) for number in range(8)]
    sample = read_sample(paths)
    assert not sample.exact
    assert sample.n_citations == pytest.approx(8 * len(citations))
    assert {path for path, _ in sample.files} == {paths[0], paths[2], paths[5]}


def test_unreadable_inputs_cannot_be_planned(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("no MEDLINE")
    with pytest.raises(InputMissing, match="no citations to plan with"):
        read_sample([tmp_path / "a.xml"])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plan")
    return write_medline(folder / "a.xml.gz", [make_citation(pmid) for pmid in range(1, 60)])


def test_plan_is_made_noted_and_read_back(inputs: Path, tiny_model: BundleSource, tmp_path: Path) -> None:
    plan = make_plan([str(inputs)], [tiny_model], n_workers=1)
    (prediction,) = plan.predictions
    assert (prediction.n_citations, prediction.n_workers) == (59, 1)
    assert prediction.wall_seconds > 0
    told = plan.to_dict()
    assert sum(entry["count"] for entry in told["sentences_per_citation"]) == 59
    assert sum(told["measured"][0]["stage_shares"].values()) == pytest.approx(1, abs=0.01)
    assert 0 < told["measured"][0]["cpu_share"] <= 1
    parts = ("start_seconds", "check_seconds", "process_seconds")
    assert told["predictions"][0]["wall_seconds"] == pytest.approx(
        sum(told["predictions"][0][part] for part in parts), abs=0.02
    )
    write_plans(tmp_path / "out", told["predictions"])
    assert [note["wall_seconds"] for note in read_plans(tmp_path / "out")] == [
        told["predictions"][0]["wall_seconds"]
    ]


def test_run_as_planned_has_its_error_told(
    inputs: Path, tiny_model: BundleSource, tmp_path: Path, run: RunJob
) -> None:
    plan = make_plan([str(inputs)], [tiny_model], n_workers=2)
    write_plans(tmp_path / "out", plan.to_dict()["predictions"])
    report = run(inputs, out=tmp_path / "out")
    (tmp_path / "out" / "_cache" / "plans.json").unlink()
    (line,) = read_report(tmp_path / "out")
    assert line.prediction_error == pytest.approx(
        report.wall_seconds / plan.to_dict()["predictions"][0]["wall_seconds"] - 1, abs=1e-3
    )


def test_damaged_note_of_plans_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "_cache").mkdir()
    (tmp_path / "_cache" / "plans.json").write_text("{")
    assert read_plans(tmp_path) == []


def test_command_prints_one_object(inputs: Path, tiny_model: BundleSource) -> None:
    arguments = ["plan", str(inputs), "--model", str(tiny_model.path), "--workers", "1", "--json"]
    result = CliRunner().invoke(main, [*arguments, "--corpus-citations", "1000000", "--price-per-hour", "2"])
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["corpus"] is True
    (row,) = told["predictions"]
    assert (row["citations"], row["workers"]) == (1_000_000, 1)
    assert row["usd"] == pytest.approx(row["wall_seconds"] / 3600 * 2, rel=0.01)


def test_missing_input_is_one_line(tiny_model: BundleSource) -> None:
    result = CliRunner().invoke(main, ["plan", "nowhere.xml", "--model", str(tiny_model.path)])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
