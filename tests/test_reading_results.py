"""The page about reading results: its code runs, and every reader sees the same live rows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from cluster import ClusterConfig
from extract import open_output
from extract.table import SCHEMAS
from jobs.config import JobConfig
from jobs.model import find_model
from jobs.run import run_job
from tests.tiny import build_tiny_bundle

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "reading-results.md"
CODE = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("kind", ["entities", "endpoints", "citations"])
def test_the_page_names_every_column(kind: str) -> None:
    page = PAGE.read_text("utf-8")
    assert [name for name in SCHEMAS[kind].names if f"`{name}`" not in page] == []


@pytest.fixture(scope="module")
def output_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's output, made in two runs, so that there is a past to look at."""
    folder = tmp_path_factory.mktemp("reading")
    build_tiny_bundle(folder / "model")
    sample = folder / "sample"
    sample.mkdir()
    for name in ("sample26n0001.xml", "sample26n0002.xml.gz"):
        shutil.copy(REPOSITORY / "examples" / "sample" / name, sample)
        model = find_model(str(folder / "model"))
        report = run_job(JobConfig((str(sample),), folder / "out", model, ClusterConfig(n_workers=1)))
        assert report.stopped_by is None
    return folder


def test_the_page_runs_from_top_to_bottom(
    output_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for package in ("pandas", "duckdb", "polars"):
        pytest.importorskip(package, reason="docs/reading-results.md shows it; install '.[dev]'")
    monkeypatch.chdir(output_folder)
    exec(compile("\n".join(CODE), str(PAGE), "exec"), {})
    assert "199 citations" in capsys.readouterr().out


def live_pmids(folder: Path) -> list[int]:
    """What pyarrow sees, read whole and filtered by nothing but the view."""
    pmids: list[int] = open_output(folder / "out").entities.to_table(columns=["pmid"])["pmid"].to_pylist()
    return sorted(pmids)


def test_duckdb_sees_the_live_rows_and_no_others(output_folder: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="install '.[dev]'")
    connection = duckdb.connect()
    connection.register("entities", open_output(output_folder / "out").entities)
    found = connection.sql("SELECT pmid FROM entities ORDER BY pmid").fetchall()
    assert [pmid for (pmid,) in found] == live_pmids(output_folder)
    some = connection.sql("SELECT pmid FROM entities WHERE label = 'OS' AND score > 0.5").fetchall()
    assert 0 < len(some) < len(found)


def test_polars_sees_the_live_rows_and_no_others(output_folder: Path) -> None:
    polars = pytest.importorskip("polars", reason="install '.[dev]'")
    lazy = polars.scan_pyarrow_dataset(open_output(output_folder / "out").entities)
    assert lazy.select("pmid").collect()["pmid"].sort().to_list() == live_pmids(output_folder)
    some = lazy.filter(polars.col("label") == "OS").select("pmid").collect()
    assert 0 < len(some) < len(live_pmids(output_folder))


def test_a_deleted_citation_is_gone_and_a_revised_one_is_there_once(output_folder: Path) -> None:
    before, now = (open_output(output_folder / "out", as_of=run) for run in (first_run(output_folder), None))
    had, has = (set(view.citations.to_table(columns=["pmid"])["pmid"].to_pylist()) for view in (before, now))
    assert len(had) == 150
    assert len(has) == now.citations.count_rows() == 199
    assert len(had - has) == 1


def first_run(folder: Path) -> str:
    return min(path.name for path in (folder / "out" / "_runs").iterdir())
