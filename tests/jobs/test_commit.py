"""A commit is durable in order, exclusive, and leaves nothing behind when it comes second."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extract.commits import read_commits
from extract.slices import Slice
from jobs.commit import publish, withdraw
from jobs.durable import put_new
from jobs.errors import OutputBroken
from jobs.garbage import find_garbage
from jobs.layout import make_output, staging_folder
from jobs.model import BundleSource
from jobs.plan import Shard
from jobs.receipt import Receipt
from jobs.shard import run_shard
from tests.corpus import make_citation, write_medline
from tests.jobs.tasks import make_task

RUN = "000001-test"
Staged = Callable[[], Receipt]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_output(tmp_path / "out")
    staging_folder(tmp_path / "out", RUN).mkdir()
    return tmp_path / "out"


@pytest.fixture
def stage(root: Path, tmp_path: Path, tiny_model: BundleSource) -> Staged:
    """Process the one shard of a small file, in this process."""
    path = write_medline(tmp_path / "a.xml", [make_citation(pmid) for pmid in range(1, 6)], deleted=[(9, 1)])
    task = make_task(path, root, RUN, tiny_model)
    return lambda: run_shard(task)


def shard() -> Shard:
    class Source:
        sha256 = "a" * 64

    class Entry:
        source = Source()

    entry: Any = Entry()
    return Shard("5" * 32, "settings", entry, Slice(0, 0, 1, 6, 0))


def test_receipt_is_small(stage: Staged) -> None:
    assert len(pickle.dumps(stage())) < 2048


def test_data_is_durable_before_its_record_names_it(
    root: Path, stage: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []

    def spy(name: str, original: Callable[..., Any]) -> None:
        def logged(*args: Any, **kwargs: Any) -> Any:
            log.append(f"{name} {_name_of(args[-1])}")
            return original(*args, **kwargs)

        monkeypatch.setattr(os, name, logged)

    for name in ("fsync", "link", "rename", "unlink"):
        spy(name, getattr(os, name))
    receipt = stage()
    assert [entry.split()[0] for entry in log] == ["fsync"] * len(receipt.files)
    log.clear()
    assert publish(root, shard(), receipt, run_id=RUN, attempts=1) is not None
    folders = sorted({file.kind for file in receipt.files})
    renamed = [f"rename {file.name}" for file in receipt.files]
    synced = [f"fsync {kind}" for kind in folders]
    record = "5" * 32 + ".json"
    assert log[: -len(renamed + synced)] or log
    assert [entry for entry in log if not entry.startswith("fsync .")][
        : len(renamed + synced)
    ] == renamed + synced
    rest = log[len(renamed + synced) :]
    assert rest[0].startswith("fsync .")
    assert rest[1:3] == [f"link {record}", "fsync _commits"]


def _name_of(what: Any) -> str:
    if isinstance(what, int):
        return Path(os.readlink(f"/proc/self/fd/{what}")).name
    return Path(what).name


def test_second_commit_of_a_shard_leaves_the_first_and_no_file(root: Path, stage: Staged) -> None:
    first, second = stage(), stage()
    assert first.attempt != second.attempt
    won = publish(root, shard(), first, run_id=RUN, attempts=1)
    assert won is not None
    assert publish(root, shard(), second, run_id=RUN, attempts=1) is None
    assert read_commits(root) == {won.shard: won}
    assert find_garbage(root, grace_seconds=0) == []


def test_withdrawn_shard_is_garbage(root: Path, stage: Staged) -> None:
    receipt = stage()
    publish(root, shard(), receipt, run_id=RUN, attempts=1)
    withdraw(root, "5" * 32)
    assert read_commits(root) == {}
    assert len(find_garbage(root, grace_seconds=0)) == len(receipt.files)


def test_same_text_gives_the_same_bytes(root: Path, stage: Staged) -> None:
    first, second = stage(), stage()
    assert [file.sha256 for file in first.files] == [file.sha256 for file in second.files]


def test_staged_file_that_shrank_is_not_published(root: Path, stage: Staged) -> None:
    receipt = stage()
    for path in staging_folder(root, RUN).iterdir():
        os.truncate(path, 10)
    with pytest.raises(OutputBroken, match="changed its size"):
        publish(root, shard(), receipt, run_id=RUN, attempts=1)
    assert read_commits(root) == {}


def test_record_is_put_by_one_only(tmp_path: Path) -> None:
    assert put_new(tmp_path / "x.json", b"1")
    assert not put_new(tmp_path / "x.json", b"2")
    assert (tmp_path / "x.json").read_bytes() == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
