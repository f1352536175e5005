"""``extract models rules``: told, written to a file, or given to a bundle that is made already."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch", reason="rules are read off with the extra packages of [compress]")

from extract.bundle import open_bundle
from jobs.cli import main
from tests.jobs.cli.conftest import make_place


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a checkpoint, data, and a bundle without rules in ``made``."""
    place = make_place(tmp_path, "train", "test")
    words = ("models", "build", "int8", "--rules", "none", "--from", str(place / "checkpoint"))
    result = CliRunner().invoke(main, [*words, "--data", str(place / "data"), "--to", str(place / "made")])
    assert result.exit_code == 0, result.stderr
    return place


def rules(place: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["models", "rules", "--data", str(place / "data"), *options])


def test_a_bundle_is_given_what_is_told(place: Path) -> None:
    before = open_bundle(place / "made")
    result = rules(place, "--into", str(place / "made"), "--dense", str(place / "checkpoint"), "--json")
    assert result.exit_code == 0, result.stderr
    bundle = open_bundle(place / "made")
    assert bundle.reading.rules.to_dict() == json.loads(result.stdout)["rules"]
    assert (bundle.files, bundle.lineage[:-1]) == (before.files, before.lineage)
    assert bundle.lineage[-1]["data"] == ["data"]
    assert bundle.sha256 != before.sha256
    assert f"{bundle.scores['f1']:.4f}" in result.stderr


def test_stated_rules_are_added(place: Path) -> None:
    stated = place / "stated.json"
    stated.write_text(json.dumps({"labels": {"*": {"only_with_words": ["CI"]}}}))
    result = rules(place, "--stated", str(stated), "--json")
    assert result.exit_code == 0, result.stderr
    added = json.loads(result.stdout)["rules"]["labels"]
    assert added
    assert all(of_label["only_with_words"] == ["CI"] for of_label in added.values())


@pytest.mark.parametrize("half", [("--into", "made"), ("--dense", "checkpoint")])
def test_bundle_and_checkpoint_go_together(place: Path, half: tuple[str, str]) -> None:
    option, name = half
    result = rules(place, option, str(place / name))
    assert result.exit_code == 2
    assert "go together" in result.stderr
