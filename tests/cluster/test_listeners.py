"""Whatever a default run starts listens on this machine's loopback only; looked at in a network of its own.

In a network namespace that has an address beside loopback, the kernel's tables hold every socket of every
process of the run, so none can be overlooked, and one that listened on all interfaces would be seen.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from extract.bundle import ModelBundle
from tests.corpus import make_citation, write_medline
from tests.faults.drive import REPOSITORY, wait_for
from tests.multihost.network import Host, opened_network

LOOPBACK = {"0100007F", "00000000000000000000000001000000"}
MAIN = "from jobs.cli import main; main()"
SLOW = {"EXTRACT_TESTING": "1", "EXTRACT_FAULT": "shard.start:*:*:slow"}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host of its own, with an address in a network."""
    with opened_network(1) as [host]:
        yield host


def start(host: Host, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        host.command([sys.executable, "-c", MAIN, *words]),
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **SLOW},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_default_run_listens_on_loopback_only(host: Host, tmp_path: Path, tiny_bundle: ModelBundle) -> None:
    path = write_medline(tmp_path / "pubmed26n0001.xml", [make_citation(pmid) for pmid in range(1, 21)])
    words = ["run", str(path), "--out", str(tmp_path / "out"), "--model", str(tiny_bundle.path)]
    process = start(host, *words, "--shard-size", "2", "--workers", "2")
    seen: set[str] = set()

    def looked() -> bool:
        seen.update(host.listening())
        return process.poll() is not None

    try:
        wait_for(looked, seconds=240)
        told = process.stdout.read() if process.stdout else ""
        assert process.returncode == 0, told
    finally:
        end(process)
    assert seen, "nothing was seen to listen: the look came too late"
    assert seen <= LOOPBACK


@pytest.mark.parametrize("more", [[], ["--cluster", "adaptive.toml"]], ids=["local", "adaptive"])
def test_local_clusters_and_their_dashboards_listen_on_loopback_only(
    host: Host, tmp_path: Path, more: list[str]
) -> None:
    (tmp_path / "adaptive.toml").write_text("minimum = 1\nmaximum = 2\n", encoding="utf-8")
    words = [str(tmp_path / word) if word.endswith(".toml") else word for word in more or ["--workers", "1"]]
    process = start(host, "cluster", "start", *words)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("tcp://127.0.0.1:")
        assert host.listening() <= LOOPBACK
        assert host.listening() != set()
    finally:
        end(process)
