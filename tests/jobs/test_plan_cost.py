"""A plan measures a sample by the code of a run, and scales it by rules that can be checked by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from jobs.cli import main
from jobs.errors import InputMissing
from jobs.forecast import make_plan
from jobs.model import BundleSource
from jobs.plan_cost import Measured, histogram, predict
from jobs.plan_notes import find_plan, prediction_error, read_plans, write_plans
from jobs.probe import STAGES, Probe, Stages
from jobs.sample import COUNT_ALL_BYTES, SLICE_RECORDS, Sample, read_sample
from tests.corpus import make_citation, write_medline


def measured(*, workers: int = 2, citations: int = 200, seconds: float = 2.0) -> Measured:
    stages = Stages(dict.fromkeys(STAGES, 0.1), (2,), (10,))
    probe = Probe(citations, 30 * citations, 0, seconds, 0.0, None)
    return Measured("int8", "ab", (probe, probe), (stages,), workers, start_seconds=3.0)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """1,000 citations in 4 files of 1 MB, 1 microsecond a byte to check."""
    path = write_medline(tmp_path / "a.xml", [make_citation(1)])
    entry = read_sample([path], n_slices=1).slices
    return Sample(4, 4_000_000, 1000, True, 1e-6, entry)


def test_parts_of_the_prediction_add_up(sample: Sample) -> None:
    told = predict(measured(), sample, n_workers=2)
    assert told.check_seconds == pytest.approx(4_000_000 * 1e-6 / 2)
    # 1,000 citations in 4 files: as many shards a worker, at 10 ms a citation.
    assert told.process_seconds == pytest.approx(1000 / 2 * 0.01)
    assert told.wall_seconds == pytest.approx(3.0 + 2.0 + 5.0)
    assert told.usd == pytest.approx(2 * 0.048 * 10 / 3600)
    assert told.to_dict()["tokens_per_second"] == pytest.approx(30 * 1000 / 10)


def test_last_round_of_shards_is_not_full(sample: Sample) -> None:
    told = predict(measured(workers=3), sample, n_workers=3)
    # 250 citations a file are two shards each; of eight shards one of three workers gets three.
    assert told.process_seconds == pytest.approx(3 * 125 * 0.01)


def test_corpus_is_scaled_from_the_inputs(sample: Sample) -> None:
    told = predict(measured(), sample, n_workers=16, n_citations=1_000_000, price_per_hour=1.0)
    assert told.process_seconds == pytest.approx(1_000_000 / 16 * 0.01, rel=0.01)
    assert told.check_seconds == pytest.approx(4_000_000 * 1000 * 1e-6 / 16)
    assert told.usd == pytest.approx(told.wall_seconds / 3600)


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
    }
    run = {"started_at": "2026-11-21T09", "model_sha256": "ab", "n_workers": 2, "n_citations": 100}
    assert find_plan([plan], **run) == plan  # type: ignore[arg-type]
    assert prediction_error(plan, 11.0) == pytest.approx(0.1)
    for other in (
        {"started_at": "2026-11-21T07"},
        {"model_sha256": "cd"},
        {"n_workers": 1},
        {"n_citations": 90},
    ):
        assert find_plan([plan], **{**run, **other}) is None  # type: ignore[arg-type]


def test_small_inputs_are_counted(tmp_path: Path) -> None:
    for number in (1, 2):
        write_medline(tmp_path / f"{number}.xml.gz", [make_citation(pmid) for pmid in range(1, 30 * number)])
    sample = read_sample(sorted(tmp_path.iterdir()), n_slices=6)
    assert (sample.n_files, sample.n_citations, sample.exact, len(sample.slices)) == (2, 88, True, 6)


def test_large_inputs_are_estimated_by_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.sample.COUNT_ALL_BYTES", 1000)
    assert COUNT_ALL_BYTES > 1000
    citations = [make_citation(pmid) for pmid in range(1, 2 * SLICE_RECORDS)]
    paths = [write_medline(tmp_path / f"{number}.xml", citations) for number in range(8)]
    sample = read_sample(paths, n_slices=4)
    assert not sample.exact
    assert sample.n_citations == pytest.approx(8 * len(citations))
    assert {entry.path for entry in sample.slices} <= {paths[0], paths[2], paths[5]}


def test_unreadable_inputs_cannot_be_planned(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("no MEDLINE")
    with pytest.raises(InputMissing, match="no citations to plan with"):
        read_sample([tmp_path / "a.xml"], n_slices=2)


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
    write_plans(tmp_path / "out", told["predictions"])
    assert [note["wall_seconds"] for note in read_plans(tmp_path / "out")] == [
        told["predictions"][0]["wall_seconds"]
    ]


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
