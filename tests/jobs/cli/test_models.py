"""``extract models``, ``eval`` and ``tag``: the contract's fields, and one line for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from extract.bundle import ModelBundle
from jobs.cli import main


def call(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def answer(*arguments: str, text: str | None = None) -> dict:
    result = call(*arguments, "--json", text=text)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def data(tmp_path: Path) -> str:
    rows = [
        {"id": "1", "text": "at 14.1 months", "entities": [{"start": 3, "end": 7, "label": "OS"}]},
        {"id": "2", "text": "in 7 of 12", "entities": [{"start": 3, "end": 4, "label": "ORR"}]},
    ]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_list_names_the_default_model_among_the_models() -> None:
    listed = answer("models", "list")
    assert listed["default"] in [model["name"] for model in listed["models"]]


def test_show_gives_the_fields_that_scripts_read(tiny_bundle: ModelBundle) -> None:
    shown = answer("models", "show", str(tiny_bundle.path))
    expected = {
        "name": "int8",
        "sha256": tiny_bundle.sha256,
        "bytes": sum(path.stat().st_size for path in (tiny_bundle.model_path, tiny_bundle.tokenizer_path)),
        "labels": ["ORR", "OS"],
        "lineage": [{"step": "tiny", "seed": 0}],
        "macs_removed": 0.0,
        "heads_per_layer": [2],
        "neurons_per_layer": [48],
        "f1": 1.0,
        "f1_dense": 1.0,
    }
    assert {key: shown[key] for key in expected} == expected


def test_verify_ends_well_only_for_an_untouched_bundle(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    assert answer("models", "verify", str(tiny_bundle.path))["ok"] is True
    for path in tiny_bundle.path.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"?" + tiny_bundle.model_path.read_bytes()[1:])
    broken = call("models", "verify", str(tmp_path))
    assert broken.exit_code == 78
    assert broken.stderr.startswith("error: model_hash_mismatch")
    assert broken.stderr.count("\n") == 1


def test_eval_gives_strict_scores(tiny_bundle: ModelBundle, data: str) -> None:
    scores = answer("eval", "--model", str(tiny_bundle.path), "--data", data)
    assert scores["model"] == "int8"
    assert scores["sentences"] == 2
    # Found are 14.1, 7 and 12; annotated are the first two.
    assert (scores["precision"], scores["recall"]) == (pytest.approx(2 / 3), 1)
    assert scores["f1"] == pytest.approx(0.8)
    assert scores["per_label"]["OS"] == {
        "precision": 0.5,
        "recall": 1,
        "f1": pytest.approx(2 / 3),
        "support": 1,
    }


def test_eval_lists_errors_with_their_sentences(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    row = {"id": "1", "text": "at 14.1 months", "entities": [{"start": 0, "end": 2, "label": "DFS"}]}
    data = tmp_path / "wrong.jsonl"
    data.write_text(json.dumps(row) + "\n")
    errors = tmp_path / "errors.jsonl"
    result = call("eval", "--model", str(tiny_bundle.path), "--data", str(data), "--errors", str(errors))
    assert result.exit_code == 0, result.stderr
    listed = [json.loads(line) for line in errors.read_text("utf-8").splitlines()]
    missed = [error for error in listed if error["kind"] == "missed"]
    assert [(error["annotated"]["text"], error["text"]) for error in missed] == [("at", "at 14.1 months")]
    assert "1 missed" in result.stderr


def test_eval_says_which_labels_a_model_cannot_know(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    path = tmp_path / "drugs.tsv"
    path.write_text("aspirin\tB-Chemical\n")
    result = call("eval", "--model", str(tiny_bundle.path), "--data", str(path))
    assert result.exit_code == 0
    assert "does not know Chemical" in result.stderr


def test_tag_gives_offsets_into_the_text(tiny_bundle: ModelBundle) -> None:
    text = "None here. It was 14.1 months."
    tagged = answer("tag", "--model", str(tiny_bundle.path), text)
    (entity,) = tagged["entities"]
    assert (entity["start"], entity["end"], entity["text"], entity["label"]) == (18, 22, "14.1", "OS")
    assert text[entity["start"] : entity["end"]] == entity["text"]


def test_tag_reads_standard_input(tiny_bundle: ModelBundle) -> None:
    assert (
        answer("tag", "--model", str(tiny_bundle.path), "-", text="ORR 45\n")["entities"][0]["text"] == "45"
    )


def test_tag_marks_entities_for_people(tiny_bundle: ModelBundle) -> None:
    result = call("tag", "--model", str(tiny_bundle.path), "after 45 days")
    assert result.stdout == "after 45[OS] days\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("models", "show", "pruned99"),
        ("models", "verify", "pruned99"),
        ("eval", "--model", "pruned99", "--data", "x.jsonl"),
        ("tag", "--model", "pruned99", "text"),
    ],
)
def test_unknown_model_is_one_line_that_lists_the_known_ones(arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert "got 'pruned99'" in result.stderr
    assert "pruned25-int8" in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_missing_data_file_is_one_line(tiny_bundle: ModelBundle) -> None:
    result = call("eval", "--model", str(tiny_bundle.path), "--data", "nowhere.jsonl")
    assert result.exit_code == 2
    assert "nowhere.jsonl" in result.stderr
    assert result.stderr.count("\n") == 1
