"""A record that no worker survives costs itself, and nothing around it."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from tests.faults.conftest import Case


def fates(case: Case) -> dict[int, tuple[str, str | None]]:
    rows = {}
    for path in (case.out / "_commits").glob("*.json"):
        for file in json.loads(path.read_bytes())["files"]:
            if file["kind"] == "citations":
                for row in pq.read_table(case.out / "citations" / file["name"]).to_pylist():
                    rows[row["pmid"], row["source"]] = (row["fate"], row["reason"])
    return {pmid: fate for (pmid, source), fate in rows.items() if source == "pubmed26n0001.xml.gz"}


@pytest.mark.timeout(600)
def test_record_that_kills_workers_is_found_and_quarantined(case: Case) -> None:
    ended = case.command(fault="record.split:33:1:kill").run(seconds=500)
    assert ended.code == 0, ended.err
    found = fates(case)
    assert found[33] == ("quarantined", "kills_worker: the worker process died on it")
    assert [pmid for pmid, (fate, _) in found.items() if fate == "quarantined"] == [33]
    assert len(found) == 80


def test_record_that_raises_is_quarantined_in_passing(case: Case) -> None:
    ended = case.command(fault="record.split:33:1:raise").run()
    assert ended.code == 0, ended.err
    fate, reason = fates(case)[33]
    assert fate == "quarantined"
    assert reason is not None
    assert reason.startswith("RuntimeError: fault point record.split")


def test_too_many_bad_records_stop_the_run(case: Case) -> None:
    ended = case.command("--max-quarantine", "0", fault="record.split:33:1:raise").run()
    assert ended.code == 65
    assert ended.err.strip().splitlines()[-1].startswith("error: too many citations quarantined")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_record_that_eats_all_memory_is_quarantined(case: Case) -> None:
    toml = case.out.with_name("cluster.toml")
    toml.write_text("n_workers = 1\nmemory_limit = 700_000_000\n", encoding="utf-8")
    more = ("--cluster", str(toml), "--shard-size", "4")
    command = case.command(*more, workers=None, fault="record.split:33:1:hog")
    ended = command.run(seconds=800)
    assert ended.code == 0, ended.err
    assert fates(case)[33][0] == "quarantined"
    assert [fate for fate, _ in fates(case).values()].count("quarantined") == 1
