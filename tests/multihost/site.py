"""Responsible for a site of several hosts: scheduler and workers over TLS, and the job run on them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.drive import REPOSITORY, Ended, end_of, wait_for
from tests.multihost.network import Host

PORT = 8786
N_SHARDS = 24
_MAIN = "from jobs.cli import main; main()"
# Every shard takes a second and a half longer, so that there is time to hurt somebody in the middle.
_SLOW = ";".join(f"shard.start:*:{n}:slow" for n in range(1, 5 * N_SHARDS))


@dataclass
class Site:
    """Hosts and what runs on them: driver on the first, scheduler on the second, workers on the others."""

    hosts: list[Host]
    folder: Path
    """Shared by all hosts."""
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    by_host: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    """The latest scheduler or worker of each host."""

    @property
    def tls(self) -> Path:
        return self.folder / "tls"

    @property
    def scheduler_address(self) -> str:
        return f"tls://{self.hosts[1].address}:{PORT}"

    @property
    def worker_hosts(self) -> list[Host]:
        return self.hosts[2:]

    def start_scheduler(self) -> subprocess.Popen[str]:
        host = self.hosts[1]
        words = ["scheduler", "--host", host.address, "--port", str(PORT), "--protocol", "tls"]
        process = self._dask(host, [*words, "--dashboard-address", "127.0.0.1:8787"], "scheduler")
        wait_for(lambda: host.kernel_address in host.listening())
        return process

    def start_worker(self, host: Host, *more: str) -> subprocess.Popen[str]:
        words = ["worker", self.scheduler_address, "--host", host.address, "--nthreads", "1"]
        local = ["--local-directory", str(self.folder / host.space), "--dashboard-address", "127.0.0.1:0"]
        return self._dask(host, [*words, *local, *more], f"worker-{host.address}")

    def start_job(self, out: Path, inputs: Sequence[Path], bundle: Path) -> subprocess.Popen[str]:
        """``extract run`` on the driver's host."""
        words = ["run", *map(str, inputs), "--out", str(out), "--model", str(bundle), "--shard-size", "5"]
        return self._start_extract([*words, "--scheduler", self.scheduler_address, "--tls", str(self.tls)])

    def extract(self, *words: str) -> Ended:
        """Any ``extract`` command on the driver's host, to its end."""
        return end_of(self._start_extract(words))

    def worker_addresses(self) -> list[str]:
        """Hosts of the workers that the scheduler knows."""
        told = self.extract(
            "cluster", "describe", "--scheduler", self.scheduler_address, "--tls", str(self.tls), "--json"
        )
        assert told.code == 0, told.err
        return [
            worker["address"].split("//")[1].partition(":")[0] for worker in json.loads(told.out)["workers"]
        ]

    def has_dropped(self, host: Host) -> bool:
        """Whether the scheduler has given up the host's worker."""
        lines = (self.folder / "scheduler.log").read_text("utf-8").splitlines()
        return any("Remove worker" in line and f"/{host.address}:" in line for line in lines)

    def preempt(self, host: Host) -> None:
        """SIGTERM to the nanny of the host's worker, and wait for its end."""
        self.by_host[host.space].terminate()
        self.by_host[host.space].wait(timeout=60)

    def kill_scheduler(self) -> None:
        os.killpg(self.by_host[self.hosts[1].space].pid, signal.SIGKILL)

    def stop(self) -> None:
        """End everything that was started here."""
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def _dask(self, host: Host, words: Sequence[str], name: str) -> subprocess.Popen[str]:
        variables = {
            "DASK_CONFIG": str(self.tls / "dask.yaml"),
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",  # half a minute otherwise; it cannot be less
            "EXTRACT_TESTING": "1",
            "EXTRACT_FAULT": _SLOW,
        }
        with (self.folder / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                host.command([sys.executable, "-m", "dask", *words]),
                env={**os.environ, "PYTHONPATH": str(REPOSITORY), **variables},
                stdout=log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.running.append(process)
        self.by_host[host.space] = process
        return process

    def _start_extract(self, words: Sequence[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            self.hosts[0].command([sys.executable, "-c", _MAIN, *words]),
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running.append(process)
        return process


def n_commits(out: Path) -> int:
    """Shards that are committed by now."""
    return len(list((out / "_commits").glob("*.json"))) if (out / "_commits").is_dir() else 0


def at_least(n: int, out: Path) -> Callable[[], bool]:
    """Whether so many shards are committed."""
    return lambda: n_commits(out) >= n
