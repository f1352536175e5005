"""Responsible for a network of hosts on this machine: namespaces on a switch, cables that can be pulled.

Every host has its own address, its own loopback and no other way to the others. They share the file system,
as hosts with a common NFS mount do. Needs root and iproute2.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

PREFIX = "10.97.83"
"""First three parts of all addresses; nothing of them is visible outside the namespaces."""


@dataclass(frozen=True)
class Host:
    """A host: a network namespace with one cable to the switch."""

    space: str
    """Name of the namespace."""
    address: str
    switch: str
    """Namespace of the switch."""
    port: str
    """The switch's end of the cable."""

    def command(self, words: list[str]) -> list[str]:
        """The command that runs ``words`` on this host."""
        return ["ip", "netns", "exec", self.space, *words]

    def pull_cable(self) -> None:
        """Cut the host off: packets vanish, and nobody is told."""
        _ip("-n", self.switch, "link", "set", self.port, "down")

    def plug_cable(self) -> None:
        _ip("-n", self.switch, "link", "set", self.port, "up")

    def listening(self) -> set[str]:
        """Addresses, in the kernel's notation, on which any process of this host listens."""
        found = set()
        for table in ("tcp", "tcp6"):
            text = subprocess.run(
                self.command(["cat", f"/proc/net/{table}"]), check=True, capture_output=True, text=True
            ).stdout
            rows = [line.split() for line in text.splitlines()[1:]]
            found |= {fields[1].partition(":")[0] for fields in rows if fields[3] == "0A"}
        return found

    @property
    def kernel_address(self) -> str:
        """The address as the kernel's tables write it."""
        return "".join(f"{int(part):02X}" for part in reversed(self.address.split(".")))


@contextmanager
def opened_network(n_hosts: int) -> Iterator[list[Host]]:
    """So many hosts on one switch; skips the test where that cannot be made."""
    name = f"ex{os.getpid()}"
    _need_namespaces(name)
    spaces = [f"{name}-{index}" for index in range(n_hosts)]
    switch = f"{name}-switch"
    made: list[str] = []
    try:
        for space in (switch, *spaces):
            _ip("netns", "add", space)
            made.append(space)
            _ip("-n", space, "link", "set", "lo", "up")
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        yield [_plug_in(space, switch, index) for index, space in enumerate(spaces, start=1)]
    finally:
        for space in made:
            _ip("netns", "delete", space)


def _plug_in(space: str, switch: str, index: int) -> Host:
    host = Host(space, f"{PREFIX}.{index}", switch, f"port{index}")
    _ip("-n", switch, "link", "add", host.port, "type", "veth", "peer", "name", "eth0", "netns", space)
    _ip("-n", switch, "link", "set", host.port, "master", "bridge", "up")
    _ip("-n", space, "address", "add", f"{host.address}/24", "dev", "eth0")
    _ip("-n", space, "link", "set", "eth0", "up")
    return host


def _need_namespaces(name: str) -> None:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and iproute2 to make network namespaces: no multi-host test was run")
    probe = subprocess.run(["ip", "netns", "add", f"{name}-probe"], capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip(f"no network namespaces here, so no multi-host test was run: {probe.stderr.strip()}")
    _ip("netns", "delete", f"{name}-probe")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
