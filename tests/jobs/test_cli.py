"""The command line: help with an example everywhere, JSON alone on stdout, one line on stderr."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jobs.cli import main
from jobs.model import BundleSource
from tests.corpus import make_citation, write_medline
from tests.jobs.conftest import RunJob

OURS = ("run", "status", "report", "verify", "diff", "gc")


def invoke(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", OURS)
def test_every_command_has_help_with_an_example_and_json(name: str) -> None:
    result = invoke(name, "--help")
    assert result.exit_code == 0
    assert f"Example:\n    extract {name} " in result.output
    assert "--json" in result.output


@pytest.mark.parametrize(
    "arguments",
    [("nix",), ("run",), ("run", "a.xml"), ("run", "a.xml", "--out", "o", "--workers", "0"), ("--nix",)],
)
def test_wrong_usage_is_one_line_and_exit_2(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_missing_input_and_unknown_model_name_what_is_wrong(tmp_path: Path, tiny_model: BundleSource) -> None:
    result = invoke("run", tmp_path / "nix.xml", "--out", tmp_path / "out", "--model", tiny_model.path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nix.xml" in result.stderr
    result = invoke("run", tmp_path, "--out", tmp_path / "out", "--model", "nonesuch")
    assert result.exit_code == 2
    assert "nonesuch" in result.stderr


def test_run_refuses_an_open_network_address(tmp_path: Path, tiny_model: BundleSource) -> None:
    result = invoke(
        *("run", tmp_path, "--out", tmp_path / "o", "--model", tiny_model.path),
        *("--scheduler", "tcp://198.51.100.7:8786"),
    )
    assert result.exit_code == 2
    assert "tls://" in result.stderr


def test_folder_that_is_no_output_is_refused(tmp_path: Path) -> None:
    for name in ("status", "report", "verify", "gc"):
        result = invoke(name, tmp_path)
        assert result.exit_code == 2, name
        assert "not an output folder" in result.stderr


@pytest.fixture
def out(run: RunJob, tmp_path: Path) -> Path:
    run(write_medline(tmp_path / "pubmed26n0001.xml", [make_citation(pmid) for pmid in (1, 2, 3)]))
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("status", {"shards_done": 1, "shards_pending": 0, "citations": 3, "fates": {"extracted": 3}}),
        ("verify", {"shards": 1, "problems": []}),
        ("gc", {"files": [], "bytes": 0}),
    ],
)
def test_json_is_one_object_with_its_fields(out: Path, name: str, fields: dict[str, object]) -> None:
    result = invoke(name, out, "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert fields.items() <= told.items()
    assert invoke(name, out).exit_code == 0


def test_report_tells_runs_and_models(out: Path, tmp_path: Path) -> None:
    result = invoke("report", out, "--json", "--html", tmp_path / "r.html")
    told = json.loads(result.stdout)
    assert [(row["citations"], row["status"]) for row in told["runs"]] == [(3, "done")]
    assert told["models"][0]["model"] == "int8"
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert told["runs"][0]["run_id"] in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "done" in invoke("report", out).stdout


def test_report_tells_a_killed_run_from_its_commits(out: Path) -> None:
    (metrics,) = out.glob("_runs/*/metrics.json")
    metrics.unlink()
    (row,) = json.loads(invoke("report", out, "--json").stdout)["runs"]
    assert (row["status"], row["citations"], row["wall_seconds"]) == ("killed", 3, None)


def test_diff_tells_each_change_with_its_cause(run: RunJob, out: Path, tmp_path: Path) -> None:
    first = json.loads(invoke("status", out, "--json").stdout)["runs"][0]
    assert invoke("diff", out, out).exit_code == 0
    update = [make_citation(2, seed=1), make_citation(4)]
    second = run(write_medline(tmp_path / "pubmed26n0002.xml", update, deleted=[(3, 1)])).run_id
    result = invoke("diff", out, first, second, "--json")
    assert result.exit_code == 1
    causes = {(change["pmid"], change["cause"]) for change in json.loads(result.stdout)["changes"]}
    assert causes == {(2, "text_revised"), (3, "deleted"), (4, "new_citation")}
    assert "4 removed: deleted" in invoke("diff", out, first, second, "--summary").stdout


def test_unknown_run_is_refused(out: Path) -> None:
    result = invoke("diff", out, "a", "b")
    assert result.exit_code == 2
