"""``extract models sweep``: a table and JSON of what was found; what is wrong is one line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch", reason="models are made with the extra packages of [compress]")

from compress.sweeping.results import read_results
from jobs.cli import main
from tests.jobs.cli.conftest import make_place, write_rows

Spoil = Callable[[Path], None]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a checkpoint and data that a sweep can be made of."""
    return make_place(tmp_path, "train", "dev")


def sweep(place: Path, *options: str) -> Result:
    words = ["models", "sweep", "--from", str(place / "checkpoint"), "--data", str(place / "data")]
    few = ["--methods", "magnitude,l1", "--shares", "50", "--seeds", "0,1"]
    return CliRunner().invoke(main, [*words, "--to", str(place / "sweep"), *few, *options])


def test_json_has_rows_summary_and_what_was_scored_on(place: Path) -> None:
    result = sweep(place, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["split"], told["scored_on"], told["sentences"]) == ("dev", "dev.jsonl", 12)
    assert [row["name"] for row in told["rows"]] == ["dense", "int8", *["pruned50", "pruned50-int8"] * 2]
    rows = [{name: value for name, value in row.items() if name != "name"} for row in told["rows"]]
    assert rows == [json.loads(json.dumps(row.to_dict())) for row in read_results(place / "sweep")]
    assert [(entry["method"], entry["int8"]) for entry in told["summary"]] == [
        *(("dense", False), ("dense", True), ("magnitude", False), ("magnitude", True)),
        *(("l1", False), ("l1", True)),
    ]
    assert told["impossible"] == []


def test_table_has_a_line_for_each_method_and_share(place: Path) -> None:
    result = sweep(place, "--no-int8", "--speed")
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines() if " fp32 " in line]
    assert [line[0] for line in lines] == ["dense", "magnitude", "l1"]
    assert "fp32" not in sweep(place, "--no-int8", "--speed", "--json").stdout


def test_test_is_scored_on_only_aloud(place: Path) -> None:
    (place / "data" / "dev.jsonl").rename(place / "data" / "test.jsonl")
    result = sweep(place, "--split", "test", "--int8")
    assert result.exit_code == 0, result.stderr
    assert "scoring on test: what is chosen by these scores has no test any more" in result.stderr
    assert "test.jsonl (test)" in result.stdout


def pickle(place: Path) -> None:
    weights = place / "checkpoint" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))


def foreign(place: Path) -> None:
    path = place / "checkpoint" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_type": "gpt2"}))


def mislabel(place: Path, *, name: str = "train", **entity: object) -> None:
    entity = {"start": 0, "end": 6, "label": "OS", **entity}
    write_rows(place, [{"id": "1", "text": "Median OS was 3.0 months.", "entities": [entity]}], name)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (foreign, "unsupported architecture .*'gpt2', expected bert"),
        (pickle, "weights refused .*got pytorch_model.bin, expected model.safetensors"),
        (lambda place: mislabel(place, label="Chemical"), "labels that the model does not have .*Chemical"),
        (lambda place: mislabel(place, name="dev", end=600), "entity outside its text .*dev.jsonl:1"),
        (lambda place: (place / "data" / "train.jsonl").write_text(""), "no sentences .*train.jsonl"),
        (
            lambda place: write_rows(place, [{"id": "1", "text": "Nothing.", "entities": []}], "dev"),
            "no entities to score on .*dev.jsonl",
        ),
        (lambda place: (place / "data" / "train.jsonl").unlink(), "nothing to calibrate on .*no train file"),
        (lambda place: (place / "data").rename(place / "elsewhere"), "no data folder .*nothing there"),
        (lambda place: (place / "checkpoint").rename(place / "elsewhere"), "no checkpoint"),
    ],
)
def test_spoilt_input_is_one_line_and_leaves_nothing(place: Path, spoil: Spoil, complaint: str) -> None:
    spoil(place)
    check(sweep(place), complaint)
    assert not (place / "sweep").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--shares", "0"), "'0' is not per cent to be removed, a whole number from 1 to 99"),
        (("--shares", "25,100"), "'100' is not per cent to be removed"),
        (("--shares", "a half"), "'a half' is not per cent to be removed"),
        (("--shares", ","), "an empty list"),
        (("--seeds", "-1"), "'-1' is not a seed"),
        (("--methods", "fisher,magic"), "'magic' is no method; there are fisher, "),
        (("--split", "test"), "nothing to score on .*no test file"),
        (("--split", "train"), "'train' is not one of 'dev', 'test'"),
        (("--methods", "magnitude", "--shares", "99"), "none of the models can be made: got impossible"),
        (("--methods", "gmp", "--finetune-epochs", "0"), "no time to prune in"),
    ],
)
def test_wishes_that_cannot_be_met_are_one_line(
    place: Path, options: tuple[str, ...], complaint: str
) -> None:
    check(sweep(place, *options), complaint)


def test_a_sweep_of_other_settings_is_refused(place: Path) -> None:
    assert sweep(place, "--int8").exit_code == 0
    check(sweep(place, "--int8", "--min-score", "0.5"), "other settings or data .*different: min_score")


def check(result: Result, complaint: str) -> None:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert result.stderr.endswith(errors[0] + "\n"), "nothing comes after the error"
    assert re.search(complaint, errors[0]), errors[0]
