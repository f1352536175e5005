"""``extract models build``: what is wrong with what it is given is one line, and nothing is left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch", reason="models are made with the extra packages of [compress]")

from jobs.cli import main
from tests.jobs.cli.conftest import make_place, write_rows

Spoil = Callable[[Path], None]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a checkpoint and data from which a bundle can be built."""
    return make_place(tmp_path, "train", "test")


def build(place: Path, name: str = "pruned50", *options: str, data: str = "data") -> Result:
    words = ["models", "build", name, "--from", str(place / "checkpoint"), "--data", str(place / data)]
    quick = [] if "--steps" in options else ["--steps", "1"]
    return CliRunner().invoke(main, [*words, "--to", str(place / "built"), *quick, *options])


def change_config(place: Path, **settings: object) -> None:
    path = place / "checkpoint" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def pickle(place: Path) -> None:
    weights = place / "checkpoint" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))


def cut_weights(place: Path) -> None:
    path = place / "checkpoint" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def label(place: Path, **entity: object) -> None:
    entity = {"start": 0, "end": 6, "label": "OS", **entity}
    write_rows(place, [{"id": "1", "text": "Median OS was 3.0 months.", "entities": [entity]}])


def test_what_is_not_spoilt_is_built(place: Path) -> None:
    result = build(place)
    assert result.exit_code == 0, result.stderr
    assert (place / "built" / "model.onnx").is_file()


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (
            lambda place: change_config(place, model_type="gpt2"),
            "unsupported architecture .*'gpt2', expected bert",
        ),
        (lambda place: change_config(place, hidden_size=48), "sizes do not match config.json"),
        (pickle, "weights refused .*got pytorch_model.bin, expected model.safetensors; convert it"),
        (cut_weights, "weights cannot be read"),
        (lambda place: (place / "checkpoint" / "tokenizer.json").unlink(), "tokenizer cannot be read"),
        (lambda place: (place / "checkpoint" / "config.json").unlink(), "no readable config.json"),
        (lambda place: (place / "checkpoint").rename(place / "elsewhere"), "no checkpoint"),
        (lambda place: label(place, label="Chemical"), "labels that the model does not have .*got Chemical"),
        (lambda place: label(place, end=600), "train.jsonl:1"),
        (lambda place: label(place, start=5, end=5), "train.jsonl:1"),
        (lambda place: label(place, label=None), "train.jsonl:1"),
        (lambda place: (place / "data" / "train.jsonl").write_text('{"id": "1", '), "train.jsonl:1"),
        (lambda place: (place / "data" / "train.jsonl").write_text(""), "no sentences .*an empty file"),
        (lambda place: (place / "data" / "test.jsonl").write_text(""), "no sentences .*test.jsonl"),
        (lambda place: (place / "data" / "train.jsonl").unlink(), "nothing to calibrate on .*no train file"),
        (lambda place: (place / "data").rename(place / "elsewhere"), "no data folder .*nothing there"),
        (lambda place: (place / "built").mkdir(), "the target exists"),
    ],
)
def test_spoilt_input_is_told_in_one_line(place: Path, spoil: Spoil, complaint: str) -> None:
    spoil(place)
    check(build(place), complaint, place)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("pruned100",), "not a variant name: got 'pruned100'"),
        (("small",), "not a variant name: got 'small'"),
        (("pruned99",), "impossible budget"),
        (("pruned99", "--method", "layers", "--finetune-epochs", "0"), "impossible budget"),
        (("pruned50", "--time-share", "0.001"), "time"),
        (("pruned50", "--time-share", "0.5", "--method", "magnitude"), "time cannot be the budget"),
        (("pruned50", "--method", "gmp", "--finetune-epochs", "0"), "no time to prune in"),
        (("pruned50", "--method", "l1", "--distill", "text.jsonl"), "fill the zeros again"),
        (
            ("pruned50", "--distill", "nowhere.jsonl"),
            "text cannot be read in nowhere.jsonl: got nothing there",
        ),
        (("pruned50", "--method", "magic"), "'magic' is not one of"),
        (("int8", "--distill", "text.jsonl"), "takes nothing out"),
        (("dense", "--time-share", "0.5"), "takes nothing out"),
        (("ibert", "--method", "magnitude"), "takes nothing out"),
    ],
)
def test_wishes_that_cannot_be_met_are_told_in_one_line(
    place: Path, words: tuple[str, ...], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    (place / "text.jsonl").write_text(json.dumps({"doc": "1", "paragraphs": ["Median OS was 3.0 months."]}))
    check(build(place, *words), complaint, place)


def test_data_without_a_single_entity_is_told(place: Path) -> None:
    write_rows(place, [{"id": "1", "text": "No number at all is in here.", "entities": []}], "test")
    check(build(place), "no entities .*test.jsonl", place)


def check(result: Result, complaint: str, place: Path) -> None:
    assert result.exit_code == 2, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert result.stderr.endswith(errors[0] + "\n"), "nothing comes after the error"
    assert "Traceback" not in result.stderr
    assert re.search(complaint, errors[0]), errors[0]
    assert not list(place.glob(".built*")), "no half-built folder is left"
    assert not (place / "built" / "model.onnx").exists()
