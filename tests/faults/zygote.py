"""Responsible for starting the command without its imports: a process that has done them, and forks.

Reads one request a line on stdin, forks, tells the child's process id, waits for the child's end and tells
how it ended. The child is the command: it has its own session, environment and files to write to.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.drive import REPOSITORY, Command, Ended


@dataclass
class Zygote:
    """The process that forks, seen from the one that asks it to. One command at a time."""

    folder: Path
    """Where the commands' outputs go."""
    process: subprocess.Popen[bytes] = field(init=False)
    pid: int = 0
    """The command that was started last."""

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.zygote"],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONFAULTHANDLER": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # what has been read but not asked for would not be waited for again
        )

    def start(self, command: Command) -> int:
        """Start a command; its process id."""
        variables = {"EXTRACT_TESTING": "1", "EXTRACT_FAULT": command.fault, **dict(command.variables)}
        if command.once is not None:
            command.once.mkdir(exist_ok=True)
            variables["EXTRACT_FAULT_ONCE"] = str(command.once)
        self._ask({"arguments": command.arguments, "variables": variables, "folder": str(self.folder)})
        self.pid = int(self._line(60.0))
        return self.pid

    def end(self, seconds: float) -> Ended:
        """Wait for the end of what was started; ends it when that takes too long."""
        started = time.monotonic()
        hung = ""
        line = self._line(seconds)
        if not line:
            hung = f"\nhung for {seconds} s"
            os.kill(self.pid, signal.SIGABRT)  # the fault handler writes where every thread is
            line = self._line(30.0)
        out, err = ((self.folder / name).read_text("utf-8", "replace") for name in ("out.txt", "err.txt"))
        return Ended(int(line or -signal.SIGABRT), out, err + hung, time.monotonic() - started)

    def run(self, command: Command, *, seconds: float) -> Ended:
        """Run a command to its end."""
        self.start(command)
        return self.end(seconds)

    def close(self) -> None:
        """End the process that forks."""
        self.process.kill()
        self.process.wait()

    def _ask(self, request: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")

    def _line(self, seconds: float) -> str:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        return self.process.stdout.readline().decode().strip() if ready else ""


def _serve() -> None:
    from tests.faults import preloaded

    assert preloaded.__all__
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(request: dict[str, Any]) -> None:
    """Be the command, until its end."""
    from jobs.cli import main

    os.setsid()
    os.environ.update(request["variables"])
    for descriptor, name in ((0, os.devnull), (1, "out.txt"), (2, "err.txt")):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(Path(request["folder"]) / name, flags, 0o644), descriptor)
    code = 70
    try:
        main(request["arguments"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
