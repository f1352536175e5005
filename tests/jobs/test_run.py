"""A run commits every citation once, continues where it stopped, and refuses what does not belong."""

from __future__ import annotations

from pathlib import Path

import pytest

import extract
from cluster import ClusterConfig
from jobs.errors import InputMissing, OutputUnwritable, SettingsMismatch
from jobs.model import BundleSource, find_model
from jobs.status import read_status
from tests.corpus import Made, make_citation, write_medline
from tests.faults.auditor import audit, rows_of
from tests.jobs.conftest import RunJob
from tests.tiny import build_tiny_bundle


@pytest.fixture
def corpus(tmp_path: Path) -> list[Path]:
    """Two files with every kind of record."""
    special = [
        Made(901, "", ""),
        Made(902, "A title without figures."),
        Made("12/../../x", "A bad PMID."),
        Made(903, "Only a title, 42 words."),
    ]
    first = write_medline(tmp_path / "in" / "a.xml.gz", [*map(make_citation, range(1, 31)), *special])
    second = write_medline(tmp_path / "in" / "b.xml", [make_citation(pmid) for pmid in range(31, 51)])
    return [first, second]


def test_every_citation_gets_one_fate(run: RunJob, corpus: list[Path], tmp_path: Path) -> None:
    report = run(tmp_path / "in", slice_records=10)
    assert report.status == "done"
    assert report.tally.fates == {"extracted": 51, "no_entities": 1, "no_text": 1, "quarantined": 1}
    assert audit(tmp_path / "out", corpus) == []


def test_report_adds_up_to_what_is_in_the_tables(run: RunJob, corpus: list[Path], tmp_path: Path) -> None:
    told = run(*corpus).to_dict()
    view = extract.open_output(tmp_path / "out")
    citations = view.citations.to_table()
    assert told["citations"] == citations.num_rows == 54
    assert told["entities"] == view.entities.count_rows() > 51
    for name, column in (("sentences", "n_sentences"), ("tokens", "n_tokens")):
        assert told[name] == sum(citations[column].to_pylist())
    assert told["usd_per_million_citations"] == pytest.approx(
        2 * 0.048 * told["wall_seconds"] / 3600 / 54 * 1e6, rel=1e-2
    )


def test_second_run_does_nothing_and_needs_no_cluster(
    run: RunJob, corpus: list[Path], tmp_path: Path
) -> None:
    run(*corpus)
    before = rows_of(tmp_path / "out")
    report = run(*corpus)
    assert (report.status, report.tally.n_citations, report.n_workers) == ("done", 0, 0)
    assert report.wall_seconds < 1
    assert rows_of(tmp_path / "out") == before


def test_rows_do_not_depend_on_workers_slices_or_order(
    run: RunJob, corpus: list[Path], tmp_path: Path
) -> None:
    one = ClusterConfig(n_workers=1, memory_limit=2 << 30)
    run(*corpus, out=tmp_path / "one", slice_records=1000, cluster=one)
    run(*reversed(corpus), out=tmp_path / "two", slice_records=7)
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "two")


def test_lost_shard_is_done_again_and_only_that(run: RunJob, corpus: list[Path], tmp_path: Path) -> None:
    run(*corpus, slice_records=10)
    before = rows_of(tmp_path / "out")
    victim = sorted((tmp_path / "out" / "_commits").iterdir())[0]
    victim.unlink()
    report = run(*corpus, slice_records=10)
    assert report.tally.n_shards == 1
    assert rows_of(tmp_path / "out") == before


def test_new_file_is_all_that_a_later_run_takes_in(run: RunJob, corpus: list[Path], tmp_path: Path) -> None:
    run(corpus[0])
    report = run(*corpus)
    assert report.tally.n_citations == 20
    assert audit(tmp_path / "out", corpus) == []


def test_truncated_file_costs_only_itself(run: RunJob, corpus: list[Path], tmp_path: Path) -> None:
    corpus[0].write_bytes(corpus[0].read_bytes()[:-9])
    report = run(*corpus)
    assert report.status == "partial"
    assert report.refused[0].what == "gzip_truncated"
    told = read_status(tmp_path / "out").refused
    assert [(row.file, row.reason) for row in told] == [(corpus[0].name, "gzip_truncated")]
    assert report.tally.n_citations == 20
    write_medline(corpus[0], [make_citation(1)])
    assert run(*corpus).status == "done"


def test_other_model_is_refused_unless_asked_for(
    run: RunJob, corpus: list[Path], tmp_path: Path, tiny_model: BundleSource
) -> None:
    run(corpus[1])
    build_tiny_bundle(tmp_path / "other", seed=1)
    other = find_model(str(tmp_path / "other"))
    with pytest.raises(SettingsMismatch, match="model_sha256"):
        run(corpus[1], model=other)
    report = run(corpus[1], model=other, replace_model=True)
    assert report.tally.n_citations == 20
    view = extract.open_output(tmp_path / "out")
    assert set(view.entities.to_table()["model_sha256"].to_pylist()) == {other.sha256}
    assert view.citations.count_rows() == 20


def test_missing_input_leaves_no_output(run: RunJob, tmp_path: Path) -> None:
    with pytest.raises(InputMissing, match="nix"):
        run(tmp_path / "nix.xml")
    assert not (tmp_path / "out").exists()


def test_output_that_is_a_file_is_unwritable(run: RunJob, corpus: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(OutputUnwritable):
        run(*corpus)


def test_linked_folder_in_the_output_is_refused(run: RunJob, corpus: list[Path], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_commits").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputUnwritable, match="symbolic link"):
        run(*corpus)
