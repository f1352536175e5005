"""Commands that take an output folder, on what is none: one line, the contract's exit code, nothing made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from jobs.cli import main
from tests.corpus import make_citation, write_medline
from tests.jobs.conftest import RunJob

ON_A_FOLDER = {
    "status": ["status", "DIR"],
    "report": ["report", "DIR"],
    "report page": ["report", "DIR", "--html", "page.html"],
    "verify": ["verify", "DIR"],
    "repair": ["verify", "DIR", "--repair"],
    "diff": ["diff", "DIR", "DIR"],
    "diff runs": ["diff", "DIR", "a", "b"],
    "gc": ["gc", "DIR"],
    "gc yes": ["gc", "DIR", "--yes"],
    **{
        f"export {name}": ["export", "DIR", "--format", name, "--to", "exported"]
        for name in ("pubtator", "bioc-json", "jsonl", "csv", "label-studio")
    },
}
NOT_AN_OUTPUT = ("missing", "empty", "file", "inputs", "link to nothing", "parquet alone")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, so that whatever a command makes is seen."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(kind: str, place: Path) -> Path:
    """Something that is no output."""
    target = place / "DIR"
    if kind == "file":
        target.write_text("text", "utf-8")
    elif kind == "link to nothing":
        target.symlink_to(place / "none")
    elif kind != "missing":
        target.mkdir()
    if kind == "inputs":
        write_medline(target / "a.xml", [make_citation(1)])
    elif kind == "parquet alone":
        (target / "entities").mkdir()
        (target / "entities" / "a.parquet").write_bytes(b"PAR1")
    return target


def call(words: list[str], folder: Path) -> Result:
    return CliRunner().invoke(main, [str(folder) if word == "DIR" else word for word in words])


def is_one_line(result: Result) -> bool:
    return result.stdout == "" and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("kind", NOT_AN_OUTPUT)
@pytest.mark.parametrize("name", ON_A_FOLDER)
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_what_is_no_output_is_refused_in_one_line(place: Path, name: str, kind: str, as_json: bool) -> None:
    folder = make(kind, place)
    before = sorted(place.rglob("*"))
    result = call([*ON_A_FOLDER[name], *(["--json"] if as_json else [])], folder)
    assert (result.exit_code, is_one_line(result)) == (2, True), result.stderr
    assert str(folder) in result.stderr
    assert "not an output folder" in result.stderr
    assert sorted(place.rglob("*")) == before


@pytest.fixture
def output(run: RunJob, place: Path) -> Path:
    run(write_medline(place / "a.xml", [make_citation(pmid) for pmid in (1, 2, 3)]))
    return place / "out"


EXPORT = ["export", "DIR", "--format", "csv", "--to"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["report", "DIR", "--html", "page.html", "--run", "nonesuch"], 2, "nonesuch"),
        (["report", "DIR", "--html", "none/page.html"], 73, "none"),
        (["report", "DIR", "--html", "."], 2, "directory"),
        (["report", "DIR", "--html", "page.html", "--prices", "none.toml"], 2, "none.toml"),
        (["diff", "DIR", "nonesuch", "other"], 2, "nonesuch"),
        (["diff", "DIR"], 2, "DIR_A DIR_B"),
        (["diff", "DIR", "a", "b", "c"], 2, "DIR_A DIR_B"),
        (["diff", "DIR", "missing"], 2, "not an output folder"),
        ([*EXPORT, "a.csv", "--as-of", "nonesuch"], 2, "nonesuch"),
        ([*EXPORT, "a.csv", "--table", "deletions"], 2, "deletions"),
        ([*EXPORT, "none/a.csv"], 73, "none/a.csv"),
        ([*EXPORT, "."], 2, "directory"),
        (["export", "DIR", "--to", "x"], 2, "--format"),
        (["export", "DIR", "--format", "xml", "--to", "x"], 2, "pubtator"),
        (["export", "DIR", "--format", "jsonl"], 2, "--to"),
        (["export", "DIR", "--format", "jsonl", "--to", "x", "--inputs", "missing"], 2, "missing"),
        (["status", "DIR", "DIR"], 2, "status --help"),
        (["gc"], 2, "DIR"),
        (["verify", "DIR", "--fix"], 2, "--fix"),
    ],
)
def test_wrong_use_of_an_output_is_one_line(output: Path, words: list[str], code: int, says: str) -> None:
    result = call(words, output)
    assert (result.exit_code, is_one_line(result)) == (code, True), result.stderr
    assert says in result.stderr
    assert json.loads(CliRunner().invoke(main, ["verify", str(output), "--json"]).stdout)["problems"] == []


@pytest.mark.parametrize("name", [name for name in ON_A_FOLDER if name not in ("verify", "repair")])
def test_damaged_record_is_one_line(output: Path, name: str) -> None:
    """An output with something broken in it is not the same as no output (74, not 2)."""
    (record,) = (output / "_commits").iterdir()
    record.write_text("{", "utf-8")
    result = call([word if word not in ("a", "b") else "DIR" for word in ON_A_FOLDER[name]], output)
    if name == "diff runs":
        assert result.exit_code == 2
    else:
        assert (result.exit_code, is_one_line(result)) == (74, True), result.stderr
    assert "Traceback" not in result.output


def test_verify_names_the_damaged_record_and_goes_on(output: Path) -> None:
    (record,) = (output / "_commits").iterdir()
    record.write_text("{", "utf-8")
    result = call(["verify", "DIR"], output)
    assert result.exit_code == 1
    assert record.name in result.stdout
