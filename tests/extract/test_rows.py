"""JSON Lines and Parquet: the same rows, taken as they are; bad ones rejected, never lost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract import reasons
from extract.bytestream import Limits
from extract.errors import SourceError
from extract.records import Citation, Field, Rejected, Section
from extract.rows import parse_row
from extract.source import check_source
from tests.extract.files import read_all, read_file


def write_jsonl(path: Path, lines: list[str | bytes]) -> Path:
    file = path / "rows.jsonl"
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return file


def field(name: str, text: str) -> Field:
    return Field(name, text, (Section(name, 0, len(text)),))


def cited(doc_id: str, pmid: int | None, *fields: Field) -> Citation:
    return Citation(doc_id, pmid, 1, 3, fields)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {"pmid": 7, "title": "T", "abstract": "A"},
            cited("7", 7, field("title", "T"), field("abstract", "A")),
        ),
        ({"pmid": " 7 ", "text": " as  it\nis "}, cited("7", 7, field("abstract", " as  it\nis "))),
        ({"id": "doc/1", "text": "A"}, cited("doc/1", None, field("abstract", "A"))),
        ({"id": 12, "title": "T"}, cited("12", None, field("title", "T"))),
        ({"pmid": None, "id": "a", "abstract": None, "text": "A"}, cited("a", None, field("abstract", "A"))),
        ({"pmid": 7, "id": "a", "abstract": "A", "text": "B"}, cited("7", 7, field("abstract", "A"))),
        ({"id": "a", "title": " \n", "abstract": ""}, cited("a", None)),
    ],
)
def test_row_becomes_a_citation(row: dict[str, Any], expected: Citation) -> None:
    assert parse_row(row, 3) == expected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"title": "T"}, reasons.NO_ID),
        ({"id": "", "text": "A"}, reasons.NO_ID),
        ({"id": True}, reasons.NO_ID),
        ({"id": 1.5}, reasons.NO_ID),
        ({"id": ["a"]}, reasons.NO_ID),
        ({"id": "\ud800"}, reasons.NO_ID),
        ({"pmid": "12/../../x"}, reasons.BAD_PMID),
        ({"pmid": 0}, reasons.BAD_PMID),
        ({"pmid": -5}, reasons.BAD_PMID),
        ({"id": "a", "title": 5}, reasons.BAD_TEXT),
        ({"id": "a", "abstract": ["A"]}, reasons.BAD_TEXT),
        ({"id": "a", "text": "half \ud83d"}, reasons.BAD_TEXT),
    ],
)
def test_bad_row_is_rejected(row: dict[str, Any], reason: str) -> None:
    record = parse_row(row, 3)
    assert isinstance(record, Rejected)
    assert (record.reason, record.position) == (reason, 3)


def test_bad_lines_are_rejected_and_cost_no_other(tmp_path: Path) -> None:
    lines: list[str | bytes] = [
        b'\xef\xbb\xbf{"id": "a"}', "", "  ", "{not json", "[1]", '"text"', b'{"id": "\xff"}', "[" * 100_000,
        '{"id": ' + "9" * 5000 + "}", '{"id": "b"}\r',
    ]  # fmt: skip
    records = read_file(write_jsonl(tmp_path, lines))
    found = [record.reason if isinstance(record, Rejected) else record.doc_id for record in records]  # type: ignore[union-attr]
    assert found == ["a", *[reasons.BAD_LINE] * 6, "b"]
    assert [record.position for record in records] == list(range(8))


def test_gzip_and_an_unhelpful_name_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "rows.dat"
    path.write_bytes(gzip.compress(b'{"id": "a", "text": "A"}\n'))
    source = check_source(path)
    assert (source.format, source.n_records) == ("jsonl", 1)


def test_line_past_the_limit_refuses_the_file(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path, [json.dumps({"id": "a", "text": "x" * 600_000})])
    with pytest.raises(SourceError) as caught:
        check_source(path, limits=Limits(record_bytes=1000))
    assert caught.value.what == reasons.TOO_LARGE


JSON_LINES = st.lists(
    st.sampled_from(['{"id": "a", "text": "é"}', "", "bad", '{"id": 1, "title": "t"}', " "])
)


@settings(deadline=None, max_examples=60)
@given(lines=JSON_LINES, slice_records=st.integers(1, 4))
def test_slices_of_lines_give_the_records_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str | bytes], slice_records: int
) -> None:
    path = write_jsonl(tmp_path_factory.mktemp("jsonl"), ['{"id": "first"}', *lines])
    assert read_file(path, slice_records) == read_file(path)


def test_parquet_gives_the_same_records_as_json_lines(tmp_path: Path) -> None:
    rows = [{"pmid": n, "title": f"T{n}", "abstract": "A." if n % 3 else None} for n in range(25)]
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7, write_page_checksum=True)
    lines: list[str | bytes] = [json.dumps(row) for row in rows]
    expected = read_file(write_jsonl(tmp_path, lines))
    assert isinstance(expected[0], Rejected)
    for slice_records in (1, 4, 7, 10, 100):
        assert read_file(path, slice_records) == expected


def test_parquet_reads_dictionaries_and_large_strings(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    columns = {
        "id": pa.array(["a", "b"]).dictionary_encode(),
        "text": pa.array(["A", None], pa.large_string()),
        "other": pa.array([1.5, 2.5]),
    }
    pq.write_table(pa.table(columns), path)
    assert [record.doc_id for record in read_file(path)] == ["a", "b"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "columns",
    [
        {"text": ["A"]},
        {"id": ["a"]},
        {"id": [1.5], "text": ["A"]},
        {"id": ["a"], "text": [1]},
        {"id": ["a"], "text": [["A"]]},
    ],
)
def test_parquet_without_usable_columns_is_refused(tmp_path: Path, columns: dict[str, list[Any]]) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(SourceError) as caught:
        check_source(path)
    assert caught.value.what == reasons.BAD_COLUMNS


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    rows = [{"id": f"{n}", "text": f"text {n * 7919}"} for n in range(500)]
    pq.write_table(pa.Table.from_pylist(rows), path, write_page_checksum=True, compression="none")
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]):
        path.write_bytes(damaged)
        with pytest.raises(SourceError) as caught:
            check_source(path)
        assert caught.value.what == reasons.PARQUET_CORRUPT


def test_empty_parquet_has_no_slice(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}), path)
    source = check_source(path)
    assert source.slices == ()
    assert read_all(source) == []
