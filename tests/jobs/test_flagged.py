"""Endpoint records are counted in the report as they stand in the table."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from click.testing import CliRunner

import extract
from extract.endpoints import FLAGS
from jobs.cli import main
from jobs.flagged import FlagCounts
from jobs.metrics import Tally
from jobs.report_found import endpoints_section
from jobs.run_view import RunView
from tests.corpus import Made, write_medline
from tests.jobs.conftest import RunJob


def test_report_counts_the_flags_of_the_table(run: RunJob, tmp_path: Path) -> None:
    texts = ("Median OS was 8.5 months.", "Median OS was 900 months.", "Median PFS was 7 months (3 to 4).")
    citations = [Made(pmid, text) for pmid, text in enumerate(texts, start=1)]
    run(write_medline(tmp_path / "a.xml", citations))
    rows = extract.open_output(tmp_path / "out").endpoints.to_table(columns=["flags"])["flags"].to_pylist()
    told = json.loads(CliRunner().invoke(main, ["report", str(tmp_path / "out"), "--json"]).stdout)
    found = told["run"]["endpoint_records"]
    assert found["records"] == len(rows) > 0
    assert found["flagged"] == sum(map(bool, rows))
    assert found["flags"] == Counter(flag for flags in rows for flag in flags)


def test_page_says_what_a_flag_means_and_nothing_without_records() -> None:
    flagged = FlagCounts(8, 2, Counter(bound_missing=2))
    section = endpoints_section(RunView("r", {}, Tally(), {}, flagged=flagged))
    assert [(row.label, row.text) for row in section.bars] == [(FLAGS["bound_missing"], "2 (25.0%)")]
    assert not endpoints_section(RunView("r", {}, Tally(), {})).says_something
