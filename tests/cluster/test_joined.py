"""A worker that is made of something else, or has another model, does no work of a run that joins it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cluster.cpu import cpu_class
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

    def workers(self) -> list[dict[str, Any]]:
        """Workers as ``extract cluster describe`` shows them."""
        told: list[dict[str, Any]] = json.loads(self.call("cluster", "describe", "--json").out)["workers"]
        return told

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


def start_worker_that_sees(joined: Joined, folder: Path, instead_of: Path) -> None:
    """A worker with a disk of its own, on which one folder is another than the driver's."""
    probe = ["unshare", "--mount", "true"]
    if os.geteuid() != 0 or subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root and mount namespaces: no worker with a disk of its own was tried")
    joined.start_worker(
        before=["unshare", "--mount", "bash", "-c", HIDE, "hide", str(folder), str(instead_of)]
    )


def test_worker_without_the_drivers_path_is_shipped_the_model_once(
    joined: Joined, words: list[str], tiny_bundle: ModelBundle, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    start_worker_that_sees(joined, tmp_path / "empty", tiny_bundle.path)
    ended = joined.call(*words)
    assert ended.code == 0, ended.err
    assert audit(tmp_path / "out", [Path(words[1])]) == []
    shipped = tmp_path / "out" / "_cache" / "models" / tiny_bundle.sha256
    stamps = {path: path.stat().st_mtime_ns for path in shipped.iterdir()}
    assert {path.name for path in stamps} == {path.name for path in tiny_bundle.path.iterdir()}
    Path(words[1]).rename(tmp_path / "pubmed26n0002.xml.gz")
    words[1] = str(tmp_path / "pubmed26n0002.xml.gz")
    assert joined.call(*words).code == 0
    assert {path: path.stat().st_mtime_ns for path in shipped.iterdir()} == stamps


def without_kernels(cpuinfo: str) -> str:
    """What the kernel says of a processor, without the instructions that our classes are made of."""
    dropped = ("avx", "amx", "asimddp", "i8mm")
    lines = (line.split(" ") for line in cpuinfo.splitlines())
    return "\n".join(" ".join(word for word in line if not word.startswith(dropped)) for line in lines) + "\n"


def test_cpu_classes_are_told_and_recorded(joined: Joined, words: list[str], tmp_path: Path) -> None:
    plain, own = platform.machine(), cpu_class()
    if own == plain:
        pytest.skip("this processor is of the plainest class: no second one to tell it from")
    (tmp_path / "cpuinfo").write_text(without_kernels(Path("/proc/cpuinfo").read_text("ascii")), "ascii")
    joined.start_worker()
    start_worker_that_sees(joined, tmp_path / "cpuinfo", Path("/proc/cpuinfo"))
    wait_for(lambda: len(joined.workers()) == 2)
    assert {worker["cpu"] for worker in joined.workers()} == {plain, own}
    ended = joined.call(*words, "--shard-size", "1")
    assert ended.code == 0, ended.err
    assert "workers of 2 CPU classes" in ended.err
    made = {json.loads(record.read_bytes())["cpu"] for record in commits(tmp_path / "out")}
    assert set() < made <= {plain, own}


@pytest.fixture
def misled(joined: Joined, tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    """A worker that sees another model under the driver's path, as on a host that has an older one on its own
    disk; where that model lies otherwise."""
    from tests.tiny import build_tiny_bundle

    older = build_tiny_bundle(tmp_path / "older", seed=1).path
    start_worker_that_sees(joined, older, tiny_bundle.path)
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
