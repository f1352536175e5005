"""A small part of the fuzz: mutated files are read exactly as another parser reads them, or refused.

``python -m tests.fuzz`` is the long form; ``docs/reliability.md`` has what it found.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from extract.errors import SourceError
from extract.records import Citation
from extract.source import SourceFile
from tests.fuzz import judge
from tests.fuzz.__main__ import main
from tests.fuzz.judge import judge_input, make_input
from tests.fuzz.oracle import judge_bytes
from tests.fuzz.seeds import Seeds, load_seeds
from tests.fuzz.shrink import shrink

INPUTS = 1500


@pytest.fixture(scope="module")
def seeds() -> Seeds:
    return load_seeds()


def test_mutated_files_are_read_right_or_refused(seeds: Seeds, tmp_path: Path) -> None:
    found: Counter[str] = Counter()
    for index in range(INPUTS):
        outcome = judge_input(make_input(seeds, 4, index), tmp_path / "pubmed26n0001.xml", index)
        assert not outcome.is_failure, f"input {index} of seed 4: {outcome}"
        found[outcome.name] += 1
    assert found["accepted"] > INPUTS / 3  # else the oracle had little to compare
    assert len(found) > 5


def test_unmutated_files_are_accepted(seeds: Seeds, tmp_path: Path) -> None:
    for index in range(60):
        data = seeds.make_file(random.Random(index))
        assert judge_input(data, tmp_path / "a.xml", index).name == "accepted"
        assert judge_bytes(data).records


def test_lost_record_is_noticed(seeds: Seeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(source: SourceFile, records: list[object]) -> tuple[SourceFile, list[object]]:
        return source, records[:-1]

    real = judge._read
    monkeypatch.setattr(judge, "_read", lambda path, n: lossy(*real(path, n)))
    data = seeds.make_file(random.Random(1))
    assert judge_input(data, tmp_path / "a.xml", 0).name == "lost or doubled"


def test_changed_text_is_noticed(seeds: Seeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = judge._read

    def blind(path: Path, n: int) -> tuple[SourceFile, list[object]]:
        source, records = real(path, n)
        return source, [
            Citation(record.doc_id, record.pmid, record.pmid_version, record.position, ())
            if isinstance(record, Citation)
            else record
            for record in records
        ]

    monkeypatch.setattr(judge, "_read", blind)
    assert judge_input(seeds.make_file(random.Random(1)), tmp_path / "a.xml", 0).name == "differs: title"


def test_refusal_of_a_whole_file_is_noticed(
    seeds: Seeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, n: int) -> None:
        raise SourceError("xml_error", str(path))

    monkeypatch.setattr(judge, "_read", refuse)
    outcome = judge_input(seeds.make_file(random.Random(1)), tmp_path / "a.xml", 0)
    assert outcome.is_failure


def test_any_other_exception_is_noticed(
    seeds: Seeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(path: Path, n: int) -> None:
        raise RecursionError

    monkeypatch.setattr(judge, "_read", crash)
    assert judge_input(b"", tmp_path / "a.xml", 0).name == "raised RecursionError"


def test_failures_are_made_small() -> None:
    assert shrink(b"a" * 300 + b"<b>" + b"c" * 300, lambda data: b"<b>" in data) == b"<b>"


def test_campaign_goes_on_from_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "fuzz.log"
    arguments = ["fuzz", "--seed", "3", "--log", str(log), "--inputs"]
    monkeypatch.setattr("sys.argv", [*arguments, "20"])
    assert main() == 0
    monkeypatch.setattr("sys.argv", [*arguments, "50"])
    assert main() == 0
    reports = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(report["first"], report["end"]) for report in reports] == [(0, 20), (20, 50)]
    assert sum(json.loads(capsys.readouterr().out.split("}\n")[-2] + "}").values()) == 50
