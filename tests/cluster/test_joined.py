"""A worker that is made of something else, or has another model, does no work of a run that joins it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from extract.bundle import ModelBundle
from tests.corpus import make_citation, write_medline
from tests.faults.auditor import audit
from tests.faults.drive import REPOSITORY, Command, Ended, wait_for

HIDE = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


@dataclass
class Joined:
    """A scheduler on loopback, started by hand as Dask's manual says, and its workers."""

    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def scheduler_file(self) -> Path:
        return self.folder / "scheduler.json"

    def start(self) -> None:
        words = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
        self._dask([*words, "--scheduler-file", str(self.scheduler_file)])
        wait_for(self.scheduler_file.exists)

    def start_worker(self, *, python_path: Sequence[Path] = (), before: Sequence[str] = ()) -> None:
        words = ["worker", "--scheduler-file", str(self.scheduler_file), "--host", "127.0.0.1"]
        words += ["--nthreads", "1", "--dashboard-address", "127.0.0.1:0", "--local-directory"]
        self._dask([*words, str(self.folder)], python_path, before)

    def call(self, *words: str) -> Ended:
        return Command([*words, "--scheduler", str(self.scheduler_file)]).run()

    def stop(self) -> None:
        for process in reversed(self.running):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=60)

    def _dask(
        self, words: Sequence[str], python_path: Sequence[Path] = (), before: Sequence[str] = ()
    ) -> None:
        path = os.pathsep.join(map(str, (*python_path, REPOSITORY)))
        with (self.folder / "dask.log").open("ab") as log:
            process = subprocess.Popen(
                [*before, sys.executable, "-m", "dask", *words],
                env={**os.environ, "PYTHONPATH": path},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running.append(process)


@pytest.fixture
def joined(tmp_path: Path) -> Iterator[Joined]:
    joined = Joined(tmp_path)
    try:
        joined.start()
        yield joined
    finally:
        joined.stop()


@pytest.fixture
def words(tmp_path: Path, tiny_bundle: ModelBundle) -> list[str]:
    """The words of a run of a few citations."""
    path = write_medline(tmp_path / "pubmed26n0001.xml.gz", [make_citation(pmid) for pmid in range(1, 9)])
    return ["run", str(path), "--out", str(tmp_path / "out"), "--model", str(tiny_bundle.path)]


def commits(out: Path) -> list[Path]:
    return list((out / "_commits").glob("*.json"))


def test_worker_with_another_version_ends_the_run_with_78_and_names_it(
    joined: Joined, words: list[str], tmp_path: Path
) -> None:
    other = tmp_path / "other" / "lxml-0.0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: lxml\nVersion: 0.0.1\n", encoding="utf-8")
    joined.start_worker(python_path=[tmp_path / "other"])
    ended = joined.call(*words)
    assert ended.code == 78, ended.err
    assert "lxml: " in ended.err
    assert "0.0.1 on " in ended.err
    assert commits(tmp_path / "out") == []
    told = joined.call("cluster", "describe")
    assert told.code == 0
    assert "differs: lxml" in " ".join(told.out.split())
    [worker] = json.loads(joined.call("cluster", "describe", "--json").out)["workers"]
    assert worker["versions"]["lxml"] == "0.0.1"


@pytest.fixture
def misled(joined: Joined, tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    """A worker that sees another model under the driver's path, as on a host that has an older one on its own
    disk; where that model lies otherwise."""
    probe = ["unshare", "--mount", "true"]
    if os.geteuid() != 0 or subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root and mount namespaces: no worker with a model of its own was tried")
    from tests.tiny import build_tiny_bundle

    older = build_tiny_bundle(tmp_path / "older", seed=1).path
    joined.start_worker(
        before=["unshare", "--mount", "bash", "-c", HIDE, "hide", str(older), str(tiny_bundle.path)]
    )
    return older


def test_worker_that_has_another_model_is_given_the_right_one(
    joined: Joined, misled: Path, words: list[str], tiny_bundle: ModelBundle, tmp_path: Path
) -> None:
    ended = joined.call(*words)
    assert ended.code == 0, ended.err
    assert audit(tmp_path / "out", [Path(words[1])]) == []
    assert (tmp_path / "out" / "_cache" / "models" / tiny_bundle.sha256).is_dir()


def test_worker_that_cannot_be_given_the_right_model_ends_the_run_with_78(
    joined: Joined, misled: Path, words: list[str], tiny_bundle: ModelBundle, tmp_path: Path
) -> None:
    shutil.copytree(misled, tmp_path / "out" / "_cache" / "models" / tiny_bundle.sha256)
    ended = joined.call(*words)
    assert ended.code == 78, ended.err
    assert "cannot use the model" in ended.err
    assert commits(tmp_path / "out") == []
