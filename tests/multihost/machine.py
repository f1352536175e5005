"""Responsible for hosts with names: each a network namespace, a host name, and a hosts file that knows all.

What runs on them sees itself as on a machine of its own: programs that go by host names, such as SLURM's
daemons, need not be told that several of them share a kernel.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.multihost.network import Host

# Both are undone with the process: its mounts and its host name are its own.
_ENTER = 'mount --bind "$1" /etc/hosts && hostname "$2" && shift 2 && exec "$@"'


@dataclass(frozen=True)
class Machine:
    """A host that has a name."""

    host: Host
    name: str
    hosts_file: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)
    """What was started with :meth:`start`."""

    def command(self, words: Sequence[str]) -> list[str]:
        """The command that runs ``words`` there."""
        enter = [
            "unshare",
            "--uts",
            "--mount",
            "bash",
            "-c",
            _ENTER,
            "enter",
            str(self.hosts_file),
            self.name,
        ]
        # Not `ip netns exec`: that mounts a new /sys, without the control groups that slurmd looks for.
        return ["nsenter", f"--net=/run/netns/{self.host.space}", *enter, *words]

    def start(self, words: Sequence[str], log: Path, variables: Mapping[str, str]) -> subprocess.Popen[str]:
        """Start something that goes on, in a session of its own."""
        with log.open("a") as stream:
            process = subprocess.Popen(
                self.command(words),
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                text=True,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def pids(self) -> list[int]:
        """Everything that runs there."""
        listed = subprocess.run(
            ["ip", "netns", "pids", self.host.space], check=True, capture_output=True, text=True
        )
        return [int(word) for word in listed.stdout.split()]

    def switch_off(self) -> None:
        """End everything that runs there."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.wait(timeout=30)


def name_hosts(hosts: Sequence[Host], names: Sequence[str], folder: Path) -> list[Machine]:
    """The hosts with names, under which they know each other."""
    path = folder / "hosts"
    lines = [f"{host.address} {name}" for host, name in zip(hosts, names, strict=True)]
    path.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]), encoding="ascii")
    return [Machine(host, name, path) for host, name in zip(hosts, names, strict=True)]
