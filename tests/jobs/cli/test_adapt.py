"""``extract models adapt``: an encoder comes out that can be trained, and what is wrong is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jobs.cli import main

pytest.importorskip("torch", reason="training needs the extra packages of [compress]")


def adapt(*arguments: str) -> Result:
    return CliRunner().invoke(main, ("models", "adapt", *arguments))


@pytest.fixture
def text(tmp_path: Path) -> str:
    from tests.compress.adaptation.test_adapt import write_articles

    return str(write_articles(tmp_path / "articles.jsonl"))


def test_an_adapted_checkpoint_and_what_it_guesses(base: str, text: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    quick = ("--batch-tokens", "256", "--checks", "2", "--no-bf16")
    result = adapt("--base", base, "--text", text, "--to", str(target), *quick, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["path"] == str(target)
    assert told["before"]["tokens"] == 0 < told["after"]["tokens"]
    assert (target / "model.safetensors").is_file()
    assert "held out" in result.stderr


def test_for_people_there_is_a_table(base: str, text: str, tmp_path: Path) -> None:
    result = adapt("--base", base, "--text", text, "--to", str(tmp_path / "out"), "--tokens", "100")
    assert result.exit_code == 0, result.stderr
    for part in ("before", "after", "numbers guessed"):
        assert part in result.stdout


def test_every_setting_reaches_the_training(base: str, text: str, tmp_path: Path) -> None:
    options = {
        "--epochs": "2",
        "--batch-tokens": "128",
        "--max-tokens": "32",
        "--rate": "0.002",
        "--dropout": "0.1",
        "--masked-share": "0.2",
        "--checks": "1",
        "--seed": "5",
    }
    flat = [part for pair in options.items() for part in pair]
    result = adapt("--base", base, "--text", text, "--to", str(tmp_path / "out"), "--no-bf16", *flat)
    assert result.exit_code == 0, result.stderr
    (step,) = json.loads((tmp_path / "out" / "history.json").read_text())
    for option, value in options.items():
        assert step["settings"][option[2:].replace("-", "_")] == float(value)
    assert step["settings"]["bf16"] is False


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"--base": "nowhere/at/all"}, "no checkpoint"),
        ({"--text": "nowhere"}, "--text"),
        ({"--tokens": "100", "--epochs": "1"}, "not both"),
        ({"--masked-share": "0"}, "--masked-share"),
        ({"--device": "tpu"}, "--device"),
        ({"--max-tokens": "2"}, "--max-tokens"),
    ],
)
def test_what_is_wrong_is_one_line(base: str, text: str, tmp_path: Path, changes: dict, told: str) -> None:
    options = {"--base": base, "--text": text, "--to": str(tmp_path / "out")} | changes
    result = adapt(*(part for pair in options.items() for part in pair))
    assert result.exit_code == 2
    *_, last = result.stderr.splitlines()
    assert last.startswith("error: ")
    assert told in last
    assert not (tmp_path / "out").exists()


def test_a_gpu_that_is_not_there_is_one_line(base: str, text: str, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    result = adapt("--base", base, "--text", text, "--to", str(tmp_path / "out"), "--device", "cuda")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no GPU")
    assert len(result.stderr.splitlines()) == 1
