"""Responsible for running the real command line in a process of its own, so that it can be hurt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_MAIN = "from jobs.cli import main; main()"
_STARTED: list[subprocess.Popen[str]] = []


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """Exit code; negative for the signal that killed it."""
    out: str
    err: str
    seconds: float
    """From the last thing done to it until it ended."""


@dataclass
class Command:
    """A command line, as a test starts it."""

    arguments: list[str]
    fault: str = ""
    """As in ``EXTRACT_FAULT``."""
    once: Path | None = None
    """Folder in which faults that happened are noted, so that each happens once over all processes."""
    variables: tuple[tuple[str, str], ...] = ()

    def start(self) -> subprocess.Popen[str]:
        """Start it in a session of its own."""
        variables = {
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONFAULTHANDLER": "1",
            "EXTRACT_TESTING": "1",
            "EXTRACT_FAULT": self.fault,
        }
        if self.once is not None:
            self.once.mkdir(exist_ok=True)
            variables["EXTRACT_FAULT_ONCE"] = str(self.once)
        process = subprocess.Popen(
            [sys.executable, "-c", _MAIN, *self.arguments],
            env={**os.environ, **variables, **dict(self.variables)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        _STARTED.append(process)
        return process

    def run(self, *, seconds: float = 240) -> Ended:
        """Run it to its end."""
        return end_of(self.start(), seconds=seconds)


def end_of(process: subprocess.Popen[str], *, seconds: float = 240) -> Ended:
    """Wait for the end of a command; ends it when that takes too long, so that a hang is a failure and tells
    where it hung."""
    started = time.monotonic()
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # the fault handler writes where every thread is
        time.sleep(2)
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        err += f"\nhung for {seconds} s"
    return Ended(process.returncode, out, err, time.monotonic() - started)


def kill_leftovers() -> None:
    """End what a failed test has left running, and only that."""
    while _STARTED:
        process = _STARTED.pop()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def children_of(pid: int) -> list[int]:
    """Process ids of the direct children."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text(encoding="ascii").split()]
    return found


def workers_of(pid: int) -> list[int]:
    """Process ids of the spawned workers of a driver."""
    return [child for child in children_of(pid) if "spawn_main" in command_line(child)]


def wait_for(what: Callable[[], bool], *, seconds: float = 120) -> None:
    """Wait until something is so.

    :raises TimeoutError: when it takes too long.
    """
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s")
        time.sleep(0.02)


def command_line(pid: int) -> str:
    """What a process was started with; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
