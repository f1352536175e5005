"""Endpoint records come out of a run beside the entities, and are hidden with them."""

from __future__ import annotations

from pathlib import Path

import extract
from extract.endpoint_table import endpoint_table
from jobs.verify import iter_problems
from tests.corpus import Made, make_citation, write_medline
from tests.jobs.conftest import RunJob


def test_run_writes_what_the_entities_say(run: RunJob, tmp_path: Path) -> None:
    run(write_medline(tmp_path / "a.xml", [make_citation(pmid) for pmid in range(1, 9)]))
    view = extract.open_output(tmp_path / "out")
    endpoints = view.endpoints.to_table().drop(["_file"])
    assert endpoints.num_rows == view.entities.count_rows() > 8  # every number is one OS or one ORR
    assert set(endpoints["endpoint"].to_pylist()) == {"OS", "ORR"}
    files = sorted((tmp_path / "out" / "entities").iterdir())
    expected = [endpoint_table(extract.table.read_table(path)) for path in files]
    assert sum(table.num_rows for table in expected) == endpoints.num_rows
    assert list(iter_problems(tmp_path / "out")) == []


def test_record_of_a_revised_citation_is_replaced(run: RunJob, tmp_path: Path) -> None:
    first = write_medline(tmp_path / "pubmed26n0001.xml", [Made(1, "OS was 14.1"), Made(2, "OS was 15.1")])
    later = write_medline(tmp_path / "pubmed26n0002.xml", [Made(1, "OS was 16.1")])
    run(first, later)
    rows = extract.open_output(tmp_path / "out").endpoints.to_table().to_pylist()
    assert sorted((row["pmid"], row["value"]) for row in rows) == [(1, 16.1), (2, 15.1)]
