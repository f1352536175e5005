"""With an output in an object store too, whatever is killed, the same command ends with the same table."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from extract.place import ObjectPlace
from jobs.garbage import find_garbage, remove_garbage
from tests.faults.auditor import audit, rows_of
from tests.faults.conftest import Case
from tests.faults.drive import Command, end_of, wait_for, workers_of
from tests.objectstore import Bucket

LAST_COMMIT_STEP = 6
"""More than the fault points that one commit passes: the last one belongs to the next shard's."""


@dataclass(frozen=True)
class StoreCase:
    """A case whose output lies in a bucket."""

    case: Case
    bucket: Bucket

    @property
    def root(self) -> ObjectPlace:
        return ObjectPlace(f"{self.bucket.url}/some/out")

    def command(self, *more: str, fault: str = "", once: bool = False) -> Command:
        command = self.case.command(*more, fault=fault, once=once)
        words = [self.root.url if word == str(self.case.out) else word for word in command.arguments]
        return replace(command, arguments=words)

    def copy(self) -> Path:
        """The output as a folder, for the auditor."""
        to = self.case.out.with_name(f"copy-{time.monotonic_ns()}")
        (to / "_commits").mkdir(parents=True)
        self.bucket.filesystem.get(f"{self.bucket.name}/some/out/", str(to), recursive=True)
        return to

    def check_sound(self) -> None:
        """What is committed is right, whether or not all is committed."""
        replace(self.case, out=self.copy()).check_sound()

    def check_whole(self) -> None:
        """The output is what an undisturbed run on a local disk makes."""
        copy = self.copy()
        assert audit(copy, self.case.inputs) == []
        assert rows_of(copy) == self.case.golden

    def commits(self) -> list[dict[str, object]]:
        return [json.loads(place.read_bytes()) for place in (self.root / "_commits").glob("*.json")]

    def n_garbage(self) -> int:
        """Files that nothing refers to, once killed drivers have been silent for long; they are removed."""
        for run in (self.root / "_runs").iterdir():
            (run / "alive").unlink(missing_ok=True)
        garbage = find_garbage(self.root, grace_seconds=-60)
        remove_garbage(self.root, garbage)
        return len(garbage)


@pytest.fixture
def store(case: Case, bucket: Bucket) -> StoreCase:
    return StoreCase(case, bucket)


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(step, marks=[] if step == 3 else pytest.mark.slow)
        for step in range(1, LAST_COMMIT_STEP + 1)
    ],
)
def test_driver_killed_at_a_step_of_a_commit(store: StoreCase, step: int) -> None:
    """Step 3 lies between the upload of a shard's files and the put of its record."""
    ended = store.command(fault=f"commit:*:{step}:kill").run()
    assert ended.code == -signal.SIGKILL, ended.err
    store.check_sound()
    assert len(store.commits()) == (0 if step < 4 else 1)
    ended = store.command().run()
    assert ended.code == 0, ended.err
    store.check_whole()
    assert store.n_garbage() > 0 or step >= 4  # the next shard's files may be there or not
    store.check_whole()


@pytest.mark.slow
@pytest.mark.parametrize("point", ["source.linked", "settings.linked"])
def test_driver_killed_while_it_takes_files_in(store: StoreCase, point: str) -> None:
    assert store.command(fault=f"{point}:*:1:kill").run().code == -signal.SIGKILL
    ended = store.command().run()
    assert ended.code == 0, ended.err
    store.check_whole()


@pytest.mark.slow
@pytest.mark.parametrize("point", ["shard.start", "shard.tagged", "shard.staged"])
def test_shard_of_a_killed_worker_is_done_again(store: StoreCase, point: str) -> None:
    ended = store.command(fault=f"{point}:*:1:kill", once=True).run()
    assert ended.code == 0, ended.err
    store.check_whole()
    assert max(record["attempts"] for record in store.commits()) == 2  # type: ignore[type-var]
    assert (store.n_garbage() > 0) == (point == "shard.staged")  # uploaded, and nobody heard of it
    store.check_whole()


@pytest.mark.slow
def test_worker_that_outlives_its_driver_leaves_only_garbage(store: StoreCase) -> None:
    process = store.command(fault="shard.written:*:1:slow").start()
    wait_for(lambda: bool(workers_of(process.pid)) and (store.root / "_sources").is_dir())
    time.sleep(1)
    process.kill()
    end_of(process)
    ended = store.command().run()
    assert ended.code == 0, ended.err
    store.check_whole()
    store.n_garbage()
    store.check_whole()


@pytest.mark.slow
def test_store_that_fails_a_worker_once_is_tried_again(store: StoreCase) -> None:
    ended = store.command("--json", fault="shard.written:*:1:eio", once=True).run()
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["quarantined"] == 0
    assert {record["attempts"] for record in store.commits()} == {1}  # the shard was not to blame
    store.check_whole()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["shard.written:*:*:eio", "commit.written:*:2:eio"])
def test_store_that_fails_ends_the_run_with_one_line(store: StoreCase, fault: str) -> None:
    ended = store.command(fault=fault).run()
    assert (ended.code, ended.err.count("error: ")) == (74, 1), ended.err
    assert f"the store cannot be used in {store.root.url}" in ended.err
    store.check_sound()
    ended = store.command().run()
    assert ended.code == 0, ended.err
    store.check_whole()


@pytest.mark.slow
def test_two_drivers_at_once_do_double_work_at_worst(store: StoreCase) -> None:
    commands = [store.command("--json", fault="shard.tagged:*:*:slow").start() for _ in range(2)]
    ended = [end_of(command) for command in commands]
    assert [end.code for end in ended] == [0, 0], [end.err for end in ended]
    told = [json.loads(end.out) for end in ended]
    assert sum(report["citations"] for report in told) == sum(
        count
        for commit in store.commits()
        for count in commit["fates"].values()  # type: ignore[attr-defined]
    )
    store.check_whole()
    assert store.n_garbage() == 0  # whoever lost a race removed its files


@pytest.mark.slow
def test_signal_commits_what_is_finished(store: StoreCase) -> None:
    process = store.command(fault="shard.start:*:3:slow").start()
    wait_for(lambda: bool(store.commits()))
    process.send_signal(signal.SIGTERM)
    assert end_of(process).code == 143
    store.check_sound()
    ended = store.command().run()
    assert ended.code == 0, ended.err
    store.check_whole()
