"""The plan: slices for the size of the input, gaps in numbers, years that do not go together."""

from __future__ import annotations

import pytest

from extract.commits import SourceRecord
from jobs.plan import find_gaps, find_new_year, plan_slice_records, series_of


def source(name: str, year: int | None, number: int | None) -> SourceRecord:
    return SourceRecord(name, 1, name, name, 1, "medline_xml", 1, year, number, (), "run")


@pytest.mark.parametrize(
    ("sizes", "n_workers", "expected"),
    [
        ([("a.xml.gz", 10_000)], 2, 200),
        ([("a.xml.gz", 3_000_000)], 2, 500),
        ([("pubmed26n0001.xml.gz", 60_000_000)] * 10, 2, 5000),
    ],
)
def test_small_inputs_are_cut_finely(sizes: list[tuple[str, int]], n_workers: int, expected: int) -> None:
    assert plan_slice_records(sizes, n_workers) == expected


def test_gaps_are_told_by_series_and_year() -> None:
    there = [source(f"pubmed26n{number:04d}.xml.gz", 2026, number) for number in (1, 2, 5, 7)]
    other = [source("rct26n0009.xml.gz", 2026, 9), source("notes.jsonl", None, None)]
    assert find_gaps([*there, *other]) == ["gap in file numbers of pubmed26: 3 missing (3, 4, 6)"]


def test_two_years_of_one_series_do_not_go_together() -> None:
    assert find_new_year(["pubmed26n0001.xml.gz", "medline16n0902.xml.gz", "x.jsonl"]) is None
    assert find_new_year(["pubmed26n0001.xml.gz", "pubmed27n0001.xml.gz"]) == ("pubmed", [2026, 2027])


def test_series_is_the_name_before_the_year() -> None:
    assert series_of("pubmed26n0001.xml.gz") == "pubmed"
