"""A variant that fell too far below its dense model does not run by accident."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from extract.bundle import ModelBundle
from jobs.cli import main


@pytest.fixture
def demoted(tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    """A copy of the tiny bundle, marked as its build would have marked it."""
    folder = tmp_path / "demoted"
    shutil.copytree(tiny_bundle.path, folder)
    manifest = json.loads((folder / "model.json").read_text())
    manifest["scores"]["promotion"] = {
        "passed": False,
        "failures": ["F1 0.7000, dense 0.9000: more than 0.006 lower"],
    }
    (folder / "model.json").write_text(json.dumps(manifest))
    return folder


def test_a_variant_that_fell_too_far_runs_only_when_it_is_allowed_to(demoted: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"pmid": 1, "title": "Median OS was 8.5 months.", "abstract": ""}\n')
    call = ["run", str(source), "--out", str(tmp_path / "out"), "--model", str(demoted), "--workers", "1"]
    refused = CliRunner().invoke(main, call)
    assert refused.exit_code == 78
    assert refused.stderr.count("\n") == 1
    assert "F1 0.7000, dense 0.9000" in refused.stderr
    assert "--allow-ungated" in refused.stderr
    assert not (tmp_path / "out").exists()
    allowed = CliRunner().invoke(main, [*call, "--allow-ungated"])
    assert allowed.exit_code == 0, allowed.stderr
