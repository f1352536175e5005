"""`extract report` says in the terminal and in JSON what the page says, and one line where it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from extract.bundle import ModelBundle
from jobs.cli import main
from jobs.model import find_model
from tests.corpus import Made, make_citation, write_medline
from tests.jobs.conftest import RunJob
from tests.jobs.test_gate import TERMS


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)])


@pytest.fixture
def nights(run: RunJob, tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    """Two nights with a gate; the second one brings a record that cannot be used."""
    from compress.gating.gate import write_gate

    model = find_model(str(write_gate(tiny_bundle.path, TERMS, tmp_path / "gated").path))
    first = write_medline(tmp_path / "a.xml", [make_citation(pmid) for pmid in range(1, 20)])
    hostile = Made("&lt;script&gt;\u202e\u009b31m", "Bad id with 12 months of survival.")
    second = write_medline(tmp_path / "b.xml", [*(make_citation(pmid) for pmid in range(30, 50)), hostile])
    run(first, model=model)
    run(first, second, model=model, shadow=find_model(str(tiny_bundle.path)), shadow_share=1.0)
    return tmp_path / "out"


def test_json_has_every_part(nights: Path) -> None:
    told = json.loads(report(nights, "--json").stdout)
    run = told["run"]
    assert run["run_id"] == told["runs"][-1]["run_id"]
    assert run["fates"]["quarantined"] == run["quarantine"][0]["count"] == 1
    assert run["padding"] == 0
    assert sum(step["citations"] for step in run["progress"]) == run["citations"]
    assert set(run["stages"]) == {"open", "read", "split", "tag", "check", "write"}
    assert sum(worker["citations"] for worker in run["per_worker"]) == run["citations"]
    assert run["gate_audited"] == run["sentences_gated_out"] > 0
    assert run["gate_loss"]["loss_upper"] >= run["gate_loss"]["loss"] > 0
    found = sum(sum(seen["per_label"].values()) for seen in run["gate_evidence"].values())
    assert found == run["gate_audit_entities"] > 0
    assert run["shadow"]["agreement"] == 1
    assert 0.5 < run["shadow"]["agreement_lower"] < 1
    assert run["earlier_runs"] == 1
    assert {line["label"] for line in run["labels"]} == {"OS", "ORR"}
    assert list(told["cost"][0]["usd_per_million_citations"]) == ["int8"]


def test_terminal_says_what_the_page_says(nights: Path, tmp_path: Path) -> None:
    shown = report(nights, "--html", tmp_path / "page.html")
    assert shown.exit_code == 0, shown.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for part in ("Over time", "Padding", "The gate", "Second opinion", "Quarantined", "Entities by label"):
        assert part in shown.stdout, part
        assert part in page, part
    assert "this run, both" in shown.stdout
    assert "<script>" in shown.stdout
    assert "<script>" not in page
    assert not {"\u202e", "\x9b", "\x1b"} & set(shown.stdout)


def test_earlier_run_is_told_of_by_its_number(nights: Path) -> None:
    told = json.loads(report(nights, "--run", "1", "--json").stdout)
    assert [row["run_id"] for row in told["runs"]] == [told["run"]["run_id"]]
    assert told["run"]["run_id"].startswith("000001-")
    assert told["run"]["shadow"] is None


@pytest.mark.parametrize("as_json", [False, True])
def test_output_without_runs_is_no_error(tmp_path: Path, as_json: bool) -> None:
    (tmp_path / "_commits").mkdir()
    shown = report(tmp_path, *(["--json"] if as_json else []))
    assert shown.exit_code == 0, shown.stderr
    if as_json:
        assert json.loads(shown.stdout) == {"runs": [], "models": [], "run": None, "cost": []}
    else:
        assert "No runs yet." in shown.stdout


@pytest.mark.parametrize(
    ("made", "arguments", "said"),
    [
        (False, (), "not an output folder"),
        (True, ("--run", "7"), "no such run"),
        (True, ("--prices", "nowhere.toml"), "the price table cannot be read"),
    ],
)
def test_wrong_folder_run_or_prices_is_told_in_one_line(
    tmp_path: Path, made: bool, arguments: tuple[str, ...], said: str
) -> None:
    if made:
        (tmp_path / "_commits").mkdir()
    shown = report(tmp_path, *arguments)
    assert shown.exit_code == 2
    assert shown.stdout == ""
    assert len(shown.stderr.splitlines()) == 1
    assert said in shown.stderr
