"""Responsible for a real SLURM: munged, slurmctld and two slurmd, each on a host of its own, in a folder.

Nothing of the machine's own SLURM is used or changed: configuration, keys, sockets, state and logs lie in the
folder, and everything that runs there ends with the hosts.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.drive import REPOSITORY, wait_for
from tests.multihost.machine import Machine

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "squeue", "scancel", "sinfo", "scontrol")
CORES = 2
"""Of each node, whatever this machine has."""
_CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={login}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
KillWait=5
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
NodeName={nodes} CPUs={cores} RealMemory=4000 State=UNKNOWN
PartitionName=day Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass
class Slurm:
    """A SLURM cluster: the first machine to log in to, where its controller runs too, the others nodes."""

    machines: Sequence[Machine]
    folder: Path
    """Shared by all."""

    @property
    def login(self) -> Machine:
        return self.machines[0]

    @property
    def nodes(self) -> Sequence[Machine]:
        return self.machines[1:]

    @property
    def variables(self) -> dict[str, str]:
        """What a user of this SLURM has in the environment."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PYTHONPATH": str(REPOSITORY)}

    def start(self) -> None:
        """Start all daemons, and wait until the nodes are ready for jobs."""
        self._configure()
        folder = self.folder
        socket = ["--socket", f"{folder}/munge.socket", "--key-file", f"{folder}/munge.key"]
        files = [f"--{name}-file={folder}/munge.{name}" for name in ("pid", "log", "seed")]
        self._daemon(self.login, ["munged", "--foreground", "--force", *socket, *files])
        wait_for((folder / "munge.socket").exists, seconds=30)
        self._daemon(self.login, ["slurmctld", "-D", "-f", f"{folder}/slurm.conf"])
        for node in self.nodes:
            self._daemon(node, ["slurmd", "-D", "-f", f"{folder}/slurm.conf", "-N", node.name])
        wait_for(lambda: self.node_states() == ["idle"] * len(self.nodes), seconds=60)

    def call(self, *words: str) -> str:
        """What one of SLURM's commands, or any other, says on the login node."""
        done = subprocess.run(
            self.login.command(words),
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def node_states(self) -> list[str]:
        """State of each node; none while the controller does not answer."""
        try:
            return self.call("sinfo", "--noheader", "--Node", "--format=%T").split()
        except AssertionError:
            return []

    def jobs(self, states: str = "all") -> list[str]:
        """Numbers of the jobs in the queue."""
        listed = self.call("squeue", "--noheader", "--format=%i %T", "--sort=i").splitlines()
        found = [line.split() for line in listed]
        ended = ("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL")
        return [job for job, state in found if state not in ended and states in ("all", state)]

    def stop(self) -> None:
        """End everything that runs on the machines."""
        for machine in reversed(self.machines):
            machine.switch_off()
        wait_for(lambda: not any(machine.pids() for machine in self.machines), seconds=30)

    def _configure(self) -> None:
        (self.folder / "state").mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(64))
        nodes = ",".join(node.name for node in self.nodes)
        text = _CONFIGURATION.format(login=self.login.name, folder=self.folder, nodes=nodes, cores=CORES)
        (self.folder / "slurm.conf").write_text(text, encoding="ascii")
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\n", encoding="ascii")

    def _daemon(self, machine: Machine, words: list[str]) -> None:
        path = shutil.which(words[0], path=_search_path())
        machine.start([str(path), *words[1:]], self.folder / f"{words[0]}-{machine.name}.out", self.variables)


def need_slurm() -> None:
    """Skip, and say so, where SLURM is not installed."""
    missing = [name for name in (*DAEMONS, *COMMANDS) if shutil.which(name, path=_search_path()) is None]
    if missing:
        pytest.skip(f"no SLURM here, so nothing was tried on a real one: {', '.join(missing)} missing")


def _search_path() -> str:
    """Daemons lie where only root looks."""
    return os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))
