"""Outputs that were edited, half deleted or come from elsewhere: refused with a reason, never half read."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extract.errors import NewerOutput, NotAnOutput, OutputError
from extract.output import open_output
from jobs.garbage import find_garbage, remove_garbage
from jobs.layout import STAGING
from jobs.verify import iter_problems
from tests.extract.test_ledger import Arrival, Content, Record, Writer, run_id

FIRST = Content((Record(1, 1), Record(2, 1), Record(3, 1)), (Record(9, 1),), cut=2)
SECOND = Content((Record(2, 1),), (), cut=1)
OLD = time.time() - 3600


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An output of two files in three shards."""
    writer = Writer(tmp_path / "out")
    writer.run(0, [Arrival(1, FIRST, 0), Arrival(2, SECOND, 0)])
    return tmp_path / "out"


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(path.read_bytes())
    change(data)
    path.write_text(json.dumps(data))


def a_commit(out: Path) -> Path:
    return min((out / "_commits").iterdir())


def problems(out: Path) -> list[str]:
    return [str(problem) for problem in iter_problems(out)]


def age(path: Path) -> Path:
    os.utime(path, (OLD, OLD), follow_symlinks=False)
    return path


def test_output_as_written_is_in_order(out: Path) -> None:
    assert problems(out) == []
    assert find_garbage(out) == []
    assert open_output(out).count_fates() == {"extracted": 3, "superseded": 1}


@pytest.mark.parametrize(
    "name", ["../../secret.parquet", "/etc/passwd", "x.parquet", "ab.cd.parquet/../../x"]
)
def test_record_that_names_a_file_elsewhere_is_refused(out: Path, name: str) -> None:
    edit(a_commit(out), lambda data: data["files"][0].update(name=name))
    with pytest.raises(OutputError, match="data file"):
        open_output(out)
    assert len(problems(out)) == 1


@pytest.mark.parametrize("shard", ["../../victim", "", "ABC", 7])
def test_record_cannot_name_another_file_to_withdraw(out: Path, shard: object) -> None:
    path = a_commit(out)
    edit(path, lambda data: data.update(shard=shard))
    assert {problem.shard for problem in iter_problems(out)} == {path.stem}
    with pytest.raises(OutputError):
        open_output(out)


def test_record_under_the_name_of_another_hides_nothing(out: Path) -> None:
    one, other, _ = sorted((out / "_commits").iterdir())
    shutil.copy(one, other)
    with pytest.raises(OutputError, match="another shard"):
        open_output(out)
    assert {problem.shard for problem in iter_problems(out)} == {other.stem}


@pytest.mark.parametrize("folder", ["_commits", "_sources", "_settings"])
def test_record_of_a_newer_version_is_neither_read_nor_repaired(out: Path, folder: str) -> None:
    edit(min((out / folder).iterdir()), lambda data: data.update(colour="blue"))
    with pytest.raises(NewerOutput, match="newer version"):
        open_output(out)
    assert not any(problem.shard for problem in iter_problems(out) if "newer" in problem.what)


@pytest.mark.parametrize("folder", ["_sources", "_settings"])
def test_missing_records_do_not_make_an_empty_view(out: Path, folder: str) -> None:
    shutil.rmtree(out / folder)
    with pytest.raises(OutputError, match="is missing"):
        open_output(out)
    assert "not registered" in problems(out)[0]


@pytest.mark.parametrize("kind", ["entities", "citations"])
def test_lost_or_cut_data_file_is_noticed_when_the_output_is_opened(out: Path, kind: str) -> None:
    path = min((out / kind).iterdir())
    data = path.read_bytes()
    for damage in (path.unlink, lambda: path.write_bytes(data[:-1])):
        damage()
        with pytest.raises(OutputError):
            open_output(out)
        assert len(problems(out)) == 1


def test_fifo_in_place_of_a_data_file_stops_nobody(out: Path) -> None:
    path = min((out / "entities").iterdir())
    path.unlink()
    os.mkfifo(path)
    assert "size differs" in problems(out)[0]


def test_numbers_that_do_not_fit_the_plan_are_noticed(out: Path) -> None:
    edit(a_commit(out), lambda data: data.update(n_records=data["n_records"] + 1))
    assert any("as planned" in what for what in problems(out))


@pytest.mark.parametrize("name", ["../_runs/000001-a", "000001-a/", ".", "", "000001", "/tmp"])
def test_only_the_id_of_a_run_names_a_past(out: Path, name: str) -> None:
    assert open_output(out, as_of=run_id(0))
    with pytest.raises(NotAnOutput, match="no such run"):
        open_output(out, as_of=name)


def test_garbage_is_only_what_is_ours(out: Path) -> None:
    leftover = out / "entities" / "aa.bb.parquet"
    leftover.write_bytes(b"x")
    age(leftover)
    own = out / "entities" / "my notes.parquet"
    own.write_bytes(b"x")
    age(own)
    assert [entry.path for entry in find_garbage(out)] == [leftover]
    assert remove_garbage(out, find_garbage(out)) == 1
    assert own.exists()
    assert problems(out) == []


def test_garbage_is_never_looked_for_behind_a_link(out: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("thesis.txt", "aa.bb.parquet", ".x.tmp"):
        (home / name).write_text("precious")
        age(home / name)
    (out / STAGING).mkdir()
    (out / STAGING / "000009-x").symlink_to(home)
    (out / "endpoints").rmdir()
    (out / "endpoints").symlink_to(home)
    (out / "entities" / "cc.dd.parquet").symlink_to(home / "thesis.txt")
    (out / "entities" / "ee.ff.parquet").symlink_to(home / "nothing")
    assert find_garbage(out) == []
    remove_garbage(out, find_garbage(out))
    assert len(list(home.iterdir())) == 3
    assert (out / STAGING / "000009-x").is_symlink()
