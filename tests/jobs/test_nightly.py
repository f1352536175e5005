"""Baseline and update files, night after night: the view shows the latest of every citation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from itertools import permutations
from pathlib import Path

import pytest

import extract
from extract.errors import OutputError
from extract.output import Output
from jobs.errors import InputConflict, SettingsMismatch
from tests.corpus import Made, make_citation, write_medline
from tests.faults.auditor import audit
from tests.jobs.conftest import RunJob

BASE, UPDATE, LATER = "pubmed26n0001.xml.gz", "pubmed26n0002.xml.gz", "pubmed26n0003.xml.gz"


def titles(out: Path) -> dict[int, str]:
    """What the view says of every citation: its text, by where its entities were found."""
    table = extract.open_output(out).entities.to_table()
    rows = zip(*(table[name].to_pylist() for name in ("pmid", "field", "sentence")), strict=True)
    return {pmid: sentence for pmid, field, sentence in rows if field == "title"}


def pmids(view: Output) -> list[int]:
    return sorted(view.citations.to_table(columns=["pmid"])["pmid"].to_pylist())


def revised(pmid: int) -> Made:
    return make_citation(pmid, seed=1)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A baseline, an update that revises 2 and deletes 3, and one that brings 3 back and deletes 4."""
    folder = tmp_path / "in"
    return [
        write_medline(folder / BASE, [make_citation(pmid) for pmid in range(1, 7)]),
        write_medline(folder / UPDATE, [revised(2), make_citation(7)], deleted=[(3, 1), (99, 1)]),
        write_medline(folder / LATER, [revised(3), revised(5)], deleted=[(4, 1), (5, 1)]),
    ]


def test_later_file_replaces_and_deletes(run: RunJob, files: list[Path], tmp_path: Path) -> None:
    for path in files:  # one a night
        assert run(path).status == "done"
    view = extract.open_output(tmp_path / "out")
    assert pmids(view) == [1, 2, 3, 6, 7]
    found = titles(tmp_path / "out")
    assert found[2] == revised(2).title
    assert found[3] == revised(3).title
    assert set(view.entities.to_table()["pmid"].to_pylist()) == {1, 2, 3, 6, 7}
    assert view.count_fates() == {"extracted": 5, "superseded": 3, "deleted": 2}
    assert audit(tmp_path / "out", files) == []


@pytest.mark.parametrize("order", list(permutations(range(3)))[1:])
def test_view_does_not_depend_on_the_order_of_processing(
    run: RunJob, files: list[Path], tmp_path: Path, order: Sequence[int]
) -> None:
    run(*files, out=tmp_path / "all")
    for index in order:
        run(files[index])
    assert _rows(tmp_path / "all") == _rows(tmp_path / "out")


def _rows(out: Path) -> list[list[dict[str, object]]]:
    view = extract.open_output(out)
    tables = (view.entities.to_table(), view.citations.to_table())
    return [sorted(table.drop_columns(["run_id", "_file"]).to_pylist(), key=repr) for table in tables]


def test_higher_version_wins_and_deletion_names_a_version(run: RunJob, tmp_path: Path) -> None:
    second = replace(revised(1), version=2)
    run(write_medline(tmp_path / BASE, [second, make_citation(1)]))
    assert titles(tmp_path / "out") == {1: second.title}
    run(write_medline(tmp_path / UPDATE, [make_citation(9)], deleted=[(1, 2)]))
    assert titles(tmp_path / "out")[1] == make_citation(1).title


def test_new_content_of_a_known_file_replaces_the_old(run: RunJob, tmp_path: Path) -> None:
    run(write_medline(tmp_path / BASE, [make_citation(1), make_citation(2)]))
    report = run(write_medline(tmp_path / BASE, [revised(1)]))
    assert report.tally.n_citations == 1
    assert titles(tmp_path / "out") == {1: revised(1).title}


def test_old_content_that_comes_back_costs_nothing(run: RunJob, tmp_path: Path) -> None:
    run(write_medline(tmp_path / BASE, [make_citation(1)]))
    run(write_medline(tmp_path / BASE, [revised(1)]))
    report = run(write_medline(tmp_path / BASE, [make_citation(1)]))
    assert report.tally.n_citations == 0
    assert titles(tmp_path / "out") == {1: make_citation(1).title}


def test_unchanged_text_is_not_tagged_again(run: RunJob, tmp_path: Path) -> None:
    run(write_medline(tmp_path / BASE, [make_citation(pmid) for pmid in range(1, 30)]), slice_records=10)
    headed = [replace(make_citation(pmid), mesh=("Neoplasms",)) for pmid in range(10, 30)]
    report = run(write_medline(tmp_path / UPDATE, [revised(5), *headed]))
    assert (report.tally.n_citations, report.tally.n_carried) == (21, 20)
    run(tmp_path / BASE, tmp_path / UPDATE, out=tmp_path / "fresh")
    assert _rows(tmp_path / "out") == _rows(tmp_path / "fresh")


def test_carried_results_may_be_carried_on(run: RunJob, tmp_path: Path) -> None:
    for name in (BASE, UPDATE, LATER):
        report = run(write_medline(tmp_path / name, [Made(1, f"{name} 1"), make_citation(2)]))
    assert report.tally.n_carried == 1
    assert titles(tmp_path / "out")[2] == make_citation(2).title


def test_damaged_cache_costs_time_only(run: RunJob, tmp_path: Path) -> None:
    known = make_citation(1)
    run(write_medline(tmp_path / BASE, [known]))
    run(write_medline(tmp_path / UPDATE, [known, make_citation(2)]))
    for path in (tmp_path / "out" / "_cache").rglob("*"):
        if path.is_file():
            path.write_bytes(b"rubbish")
    report = run(tmp_path / UPDATE, write_medline(tmp_path / LATER, [known, make_citation(3)]))
    assert (report.tally.n_citations, report.tally.n_carried) == (2, 1)


def test_same_content_under_a_later_name_counts_once_and_as_the_later(run: RunJob, tmp_path: Path) -> None:
    run(write_medline(tmp_path / BASE, [make_citation(1)]))
    run(write_medline(tmp_path / UPDATE, [revised(1)]))
    report = run(write_medline(tmp_path / LATER, [make_citation(1)]))
    assert report.tally.n_citations == 0
    assert titles(tmp_path / "out") == {1: make_citation(1).title}
    assert pmids(extract.open_output(tmp_path / "out")) == [1]


def test_gap_in_the_numbers_is_told(run: RunJob, tmp_path: Path) -> None:
    from jobs.status import read_status

    run(
        write_medline(tmp_path / BASE, [make_citation(1)]),
        write_medline(tmp_path / LATER, [make_citation(2)]),
    )
    assert read_status(tmp_path / "out").gaps == ("gap in file numbers of pubmed26: 1 missing (2)",)


def test_new_baseline_year_is_refused(run: RunJob, tmp_path: Path) -> None:
    run(write_medline(tmp_path / BASE, [make_citation(1)]))
    with pytest.raises(SettingsMismatch, match="start a new output"):
        run(write_medline(tmp_path / "pubmed27n0001.xml.gz", [make_citation(1)]))
    assert run(tmp_path / BASE).status == "done"
    assert pmids(extract.open_output(tmp_path / "out")) == [1]


class Yesterday(datetime):
    """A clock that is a day slow."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) - timedelta(days=1)


def test_clock_that_goes_back_changes_nothing(
    run: RunJob, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(files[0]).run_id
    monkeypatch.setattr("jobs.runs.datetime", Yesterday)
    second = run(*files)
    assert first < second.run_id
    assert second.wall_seconds > 0
    assert pmids(extract.open_output(tmp_path / "out")) == [1, 2, 3, 6, 7]
    assert pmids(extract.open_output(tmp_path / "out", as_of=first)) == [1, 2, 3, 4, 5, 6]


def test_two_files_of_one_name_and_other_content_are_refused(run: RunJob, tmp_path: Path) -> None:
    one = write_medline(tmp_path / "x" / BASE, [make_citation(1)])
    two = write_medline(tmp_path / "y" / BASE, [make_citation(2)])
    with pytest.raises(InputConflict, match="pubmed26n0001"):
        run(one, two)


def test_past_runs_can_be_read(run: RunJob, files: list[Path], tmp_path: Path) -> None:
    first = run(files[0]).run_id
    run(*files)
    assert pmids(extract.open_output(tmp_path / "out", as_of=first)) == [1, 2, 3, 4, 5, 6]
    assert pmids(extract.open_output(tmp_path / "out")) == [1, 2, 3, 6, 7]
    with pytest.raises(OutputError, match="no such run"):
        extract.open_output(tmp_path / "out", as_of="000009")
