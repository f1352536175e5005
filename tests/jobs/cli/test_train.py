"""``extract models train``: a checkpoint comes out, and what is wrong is one line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jobs.cli import main

pytest.importorskip("torch", reason="training needs the extra packages of [compress]")


def train(*arguments: str) -> Result:
    return CliRunner().invoke(main, ("models", "train", *arguments))


@pytest.fixture
def data(tmp_path: Path) -> str:
    from tests.compress.conftest import make_sentences

    rows = [
        {"id": s.id, "doc": s.doc, "text": s.text, "entities": [asdict(span) for span in s.entities]}
        for s in make_sentences()
    ]
    path = tmp_path / "sentences.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_training_writes_a_checkpoint_and_tells_its_dev_scores(base: str, data: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    result = train("--base", base, "--data", data, "--to", str(target), "--epochs", "2", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["path"], told["epochs"]) == (str(target), 2)
    assert 0 <= told["dev_f1"] <= 1
    assert (target / "model.safetensors").is_file()
    assert "epoch 2" in result.stderr


def test_for_people_there_is_a_table_by_label(base: str, data: str, tmp_path: Path) -> None:
    result = train("--base", base, "--data", data, "--to", str(tmp_path / "out"), "--epochs", "1")
    assert result.exit_code == 0, result.stderr
    assert "precision" in result.stdout


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"--base": "nowhere/at/all"}, "no checkpoint"),
        ({"--data": "nowhere"}, "no data folder"),
        ({"--epochs": "0"}, "--epochs"),
        ({"--seeds": "1,two"}, "--seeds"),
        ({"--seeds": "1,1"}, "--seeds"),
        ({"--seeds": "1,2", "--seed": "3"}, "not both"),
        ({"--folds": "1"}, "--folds"),
        ({"--folds": "9"}, "too few documents"),
    ],
)
def test_what_is_wrong_is_one_line(base: str, data: str, tmp_path: Path, changes: dict, told: str) -> None:
    options = {"--base": base, "--data": data, "--to": str(tmp_path / "out")} | changes
    result = train(*(part for pair in options.items() for part in pair))
    assert result.exit_code == 2
    *_, last = result.stderr.splitlines()
    assert last.startswith("error: ")
    assert told in last
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_learning_from_dev_too_leaves_nothing_to_choose_by(base: str, data: str, tmp_path: Path) -> None:
    words = ("--base", base, "--data", data, "--to", str(tmp_path / "out"), "--epochs", "2", "--with-dev")
    refused = train(*words, "--patience", "1")
    assert refused.exit_code == 2
    assert "leaves nothing to choose" in refused.stderr
    result = train(*words, "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {"path": str(tmp_path / "out"), "epochs": 2}


def test_folds_and_seeds_tell_their_spread(base: str, data: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    options = ("--base", base, "--data", data, "--epochs", "1", "--seeds", "1,2", "--folds", "2")
    result = train(*options, "--to", str(target), "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert [trial["name"] for trial in told["trials"]] == [
        "seed-1-fold-1",
        "seed-1-fold-2",
        "seed-2-fold-1",
        "seed-2-fold-2",
    ]
    assert set(told["out_of_fold"]) == {"1", "2"}
    assert set(told["f1"]) == {"mean", "spread"}
    assert "seed-2-fold-1 (3 of 4)" in result.stderr
    assert all((target / trial["name"] / "model.safetensors").is_file() for trial in told["trials"])


def test_for_people_there_is_a_row_a_training_and_the_mean(base: str, data: str, tmp_path: Path) -> None:
    result = train(
        "--base", base, "--data", data, "--epochs", "1", "--folds", "2", "--to", str(tmp_path / "o")
    )
    assert result.exit_code == 0, result.stderr
    for part in ("fold-1", "fold-2", "mean", "±", "OS", "out of fold"):
        assert part in result.stdout


def test_every_setting_reaches_the_training(base: str, data: str, tmp_path: Path) -> None:
    options = {
        "--patience": "1",
        "--batch-size": "4",
        "--rate": "0.002",
        "--head-rate": "0.01",
        "--rare-labels": "0.5",
        "--max-tokens": "32",
        "--epochs": "2",
        "--seed": "5",
    }
    flat = [part for pair in options.items() for part in pair]
    result = train("--base", base, "--data", data, "--to", str(tmp_path / "out"), "--no-bf16", *flat)
    assert result.exit_code == 0, result.stderr
    settings = json.loads((tmp_path / "out" / "training.json").read_text())["settings"]
    expected = {
        "patience": 1,
        "batch_size": 4,
        "body_rate": 0.002,
        "head_rate": 0.01,
        "rare_labels": 0.5,
        "epochs": 2,
        "seed": 5,
        "bf16": False,
    }
    assert {name: settings[name] for name in expected} == expected
