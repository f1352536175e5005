"""Responsible for hosts with a real sshd each, with keys made for the test, that know one user's key."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.drive import REPOSITORY, Ended, wait_for
from tests.multihost.machine import Machine

PROGRAMS = ("sshd", "ssh-keygen")
# A folder that sshd insists on; it is made where only this process sees it.
_SERVE = 'mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec "$0" -D -e -f "$1"'
_CONFIGURATION = """\
Port 22
ListenAddress {address}
HostKey {folder}/{name}-key
AuthorizedKeysFile {folder}/user-key.pub
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PidFile none
SetEnv {variables}
"""


@dataclass
class SshSite:
    """A machine to start from, and hosts to reach by SSH."""

    machines: Sequence[Machine]
    folder: Path
    """Shared by all."""

    @property
    def driver(self) -> Machine:
        return self.machines[0]

    @property
    def nodes(self) -> Sequence[Machine]:
        return self.machines[1:]

    def start(self, variables: Mapping[str, str]) -> None:
        """Make keys and start the servers; whoever logs in has ``variables`` in the environment."""
        make_key(self.folder / "user-key")
        known = []
        told = " ".join(f"{name}={value}" for name, value in variables.items())
        for node in self.nodes:
            public = make_key(self.folder / f"{node.name}-key")
            known.append(f"{node.name} {public}")
            text = _CONFIGURATION.format(
                address=node.host.address,
                folder=self.folder,
                name=node.name,
                variables=f"PYTHONPATH={REPOSITORY} {told}",
            )
            file = self.folder / f"{node.name}.conf"
            file.write_text(text, encoding="ascii")
            words = ["bash", "-c", _SERVE, str(find_program("sshd")), str(file)]
            node.start(words, self.folder / f"{node.name}.log", {})
        (self.folder / "known_hosts").write_text("\n".join([*known, ""]), encoding="ascii")
        for node in self.nodes:
            wait_for(lambda node=node: node.host.kernel_address in node.host.listening(), seconds=30)  # type: ignore[misc]

    def cluster_file(self, folder: Path, *, known_hosts: Path | None = None, key: Path | None = None) -> Path:
        """One worker on each node, over TLS."""
        lines = [
            'kind = "ssh"',
            f'tls = "{self.folder}/tls"',
            "start_seconds = 20",
            "[ssh]",
            f"hosts = {[node.name for node in self.nodes]}",
            f'known_hosts = "{known_hosts or self.folder / "known_hosts"}"',
            f'client_key = "{key or self.folder / "user-key"}"',
        ]
        path = folder / "ssh.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def call(self, words: Sequence[str], *, seconds: float = 200) -> Ended:
        """Run a command of the driver's machine to its end."""
        done = subprocess.run(
            self.driver.command(words),
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr, 0.0)

    def left_running(self) -> list[str]:
        """Programs on the nodes other than their servers."""
        names = [Path(f"/proc/{pid}/comm") for node in self.nodes for pid in node.pids()]
        return [name for path in names if path.exists() and (name := path.read_text().strip()) != "sshd"]

    def stop(self) -> None:
        """End everything that runs on the machines."""
        for machine in self.machines:
            machine.switch_off()
        wait_for(lambda: not any(machine.pids() for machine in self.machines), seconds=30)


def make_key(path: Path) -> str:
    """A new key without a password, and its public half."""
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
    return path.with_name(f"{path.name}.pub").read_text("ascii").strip()


def need_ssh() -> None:
    """Skip, and say so, where there is no server to log in to."""
    missing = [name for name in PROGRAMS if find_program(name) is None]
    if missing:
        pytest.skip(f"no SSH server here, so nothing was tried on a real one: {', '.join(missing)} missing")
    pytest.importorskip("asyncssh", reason="needs the packages of [ssh]")


def find_program(name: str) -> str | None:
    """Servers lie where only root looks."""
    return shutil.which(name, path=os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin")))
