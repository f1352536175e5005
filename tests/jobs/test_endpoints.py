"""Endpoint records come out of a run beside the entities, and are hidden with them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

import extract
from extract.endpoint_table import endpoint_table
from extract.endpoints import ENDPOINT_RULE_VERSION
from extract.table import digest_rows, read_table, write_table
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


@pytest.fixture
def output(run: RunJob, tmp_path: Path) -> Path:
    run(write_medline(tmp_path / "a.xml", [make_citation(pmid) for pmid in range(1, 9)]))
    return tmp_path / "out"


def replace_endpoints(out: Path, table: pa.Table | None) -> None:
    """Commit other endpoint records as if they had been the shard's: hashes, sizes and all."""
    (path,) = (out / "_commits").iterdir()
    record = json.loads(path.read_text("utf-8"))
    (file,) = (file for file in record["files"] if file["kind"] == "endpoints")
    target = out / "endpoints" / file["name"]
    if table is None:
        target.unlink()
        record["files"].remove(file)
    else:
        with target.open("wb") as stream:
            write_table(table, stream)
        data = target.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        file |= {"n_bytes": len(data), "sha256": sha256, "n_rows": len(table), "digest": digest_rows(table)}
    path.write_text(json.dumps(record), "utf-8")


def endpoints_of(out: Path) -> pa.Table:
    (path,) = (out / "endpoints").iterdir()
    return read_table(path)


def test_verify_derives_the_records_again(output: Path) -> None:
    table = endpoints_of(output)
    replace_endpoints(output, table)
    assert list(iter_problems(output)) == []
    values = pa.array([value + 1 for value in table["value"].to_pylist()], pa.float64())
    replace_endpoints(output, table.set_column(table.schema.get_field_index("value"), "value", values))
    (problem,) = iter_problems(output)
    assert "do not follow from its entities: value differ" in str(problem)


def test_verify_misses_records_that_are_not_there(output: Path) -> None:
    table = endpoints_of(output)
    replace_endpoints(output, table.slice(1))
    (problem,) = iter_problems(output)
    assert f"got {len(table) - 1} endpoint records, expected {len(table)}" in str(problem)
    replace_endpoints(output, None)
    (problem,) = iter_problems(output)
    assert "got 0 endpoint records" in str(problem)


def test_records_of_other_rules_are_left_to_those_rules(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_endpoints(output, endpoints_of(output).slice(1))
    monkeypatch.setattr("jobs.verify.ENDPOINT_RULE_VERSION", ENDPOINT_RULE_VERSION + 1)
    assert list(iter_problems(output)) == []
