"""Responsible for a cluster of its own: a scheduler process, a nanny and workers, apart from any driver.

In a local run the scheduler lives in the driver's process, so that it cannot die alone. Here it can, and
workers outlive the drivers that use them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from cluster.settings import dask_settings, nest
from tests.faults.drive import REPOSITORY, children_of, command_line, wait_for


@dataclass
class Fleet:
    """Scheduler and workers that run until they are killed."""

    folder: Path
    """For its files; made if missing."""
    n_workers: int = 2
    fault: str = ""
    """Fault points of the workers, as in ``EXTRACT_FAULT``."""
    once: Path | None = None
    """Folder in which faults that happened are noted."""
    address: Path = field(init=False)
    """The scheduler file, for ``--scheduler``."""
    scheduler: subprocess.Popen[bytes] = field(init=False)
    nanny: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, and wait until a worker is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.address = self.folder / f"scheduler-{uuid.uuid4().hex[:8]}.json"
        # JSON is YAML, and this is the one way to configure processes that somebody else starts.
        settings = {**dask_settings(), "distributed.worker.multiprocessing-method": "forkserver"}
        (self.folder / "dask.yaml").write_text(json.dumps(nest(settings)), encoding="utf-8")
        found = ("--scheduler-file", str(self.address))
        where = ("--host", "127.0.0.1", "--no-dashboard")
        self.scheduler = self._start("scheduler", *where, "--port", "0", *found)
        wait_for(self.address.is_file, seconds=180)
        self.nanny = self._start(
            *("worker", *where, *found, "--nthreads", "1", "--nworkers", str(self.n_workers)),
            *("--death-timeout", "20", "--local-directory", str(self.folder / "local")),
            *("--preload-nanny", "tests.faults.preloaded"),
        )
        wait_for(lambda: len(self.workers()) > 0, seconds=180)

    def workers(self) -> list[int]:
        """Process ids of the workers that are there now."""
        servers = [pid for pid in children_of(self.nanny.pid) if "forkserver" in command_line(pid)]
        return [worker for server in servers for worker in children_of(server)]

    def stop(self) -> None:
        """Kill all of it."""
        for process in (self.nanny, self.scheduler):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        variables = {
            "PYTHONPATH": str(REPOSITORY),
            "DASK_CONFIG": str(self.folder / "dask.yaml"),
            "EXTRACT_TESTING": "1",
            "EXTRACT_FAULT": self.fault,
        }
        if self.once is not None:
            self.once.mkdir(exist_ok=True)
            variables["EXTRACT_FAULT_ONCE"] = str(self.once)
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
