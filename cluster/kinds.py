"""Responsible for what is particular to each kind of cluster, as a table of the cluster file says it."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.errors import ClusterRefused


@dataclass(frozen=True, slots=True)
class SshConfig:
    """Hosts that this machine reaches by SSH; all see the certificates, inputs and output under one path."""

    hosts: tuple[str, ...]
    """Where workers run; a host may stand here once only."""
    scheduler_host: str | None = None
    """Where the scheduler runs; None for the first host."""
    workers_per_host: int = 1
    """Worker processes of one thread on each host."""
    username: str | None = None
    port: int = 22
    known_hosts: str = "~/.ssh/known_hosts"
    """File of the host keys that are trusted; there is no way to do without."""
    client_key: str | None = None
    """Private key to log in with; None for the agent's and the usual files."""
    interface: str | None = None
    """Network interface on which workers listen, such as ``ib0``; None for all, over TLS."""
    remote_python: str | None = None
    """The interpreter on the hosts; None for the path of this one."""
    local_directory: str = "/tmp"
    """Where workers may put scratch files, on their own disk."""

    def __post_init__(self) -> None:
        if not self.hosts or len(set(self.hosts)) != len(self.hosts):
            raise ClusterRefused(f"[ssh] hosts: got {list(self.hosts)}, expected names, each once")
        if self.workers_per_host < 1:
            raise ClusterRefused(f"[ssh] workers_per_host: got {self.workers_per_host}, expected at least 1")


@dataclass(frozen=True, slots=True)
class SlurmConfig:
    """Jobs of a SLURM cluster, each a number of workers of one thread."""

    cores: int
    """Cores of a job: as many workers."""
    memory: str
    """Memory of a job, as SLURM and Dask write it: ``16GB``."""
    walltime: str = "01:00:00"
    """Limit of a job, ``HH:MM:SS``. Workers retire before it is reached."""
    jobs: int = 1
    """Jobs to submit, unless the cluster is adaptive."""
    partition: str | None = None
    account: str | None = None
    interface: str | None = None
    """Network interface that all nodes and this machine share, such as ``ib0``."""
    local_directory: str = "/tmp"
    """Where workers may put scratch files, on the node's own disk."""
    log_directory: str | None = None
    """Where jobs write what they say; None for what SLURM does by default."""
    prologue: tuple[str, ...] = ()
    """Shell lines before the worker starts, such as ``module load python``."""
    directives: tuple[str, ...] = ()
    """More ``#SBATCH`` lines, without the word."""
    python: str | None = None
    """The interpreter on the nodes; None for the path of this one."""

    def __post_init__(self) -> None:
        for name in ("cores", "jobs"):
            if getattr(self, name) < 1:
                raise ClusterRefused(f"[slurm] {name}: got {getattr(self, name)}, expected at least 1")
        if self.walltime_seconds <= 0:
            raise ClusterRefused(f"[slurm] walltime: got {self.walltime!r}, expected HH:MM:SS")

    @property
    def walltime_seconds(self) -> int:
        """The limit of a job in seconds; 0 if it cannot be read."""
        days, _, clock = self.walltime.rpartition("-")
        parts = clock.split(":")
        if len(parts) != 3 or not all(part.isdigit() for part in (*parts, days or "0")):
            return 0
        hours, minutes, seconds = map(int, parts)
        return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


@dataclass(frozen=True, slots=True)
class KubernetesConfig:
    """Pods of a Kubernetes cluster on which the Dask operator runs."""

    image: str
    """Image of the workers, such as one built from deploy/Containerfile."""
    name: str = "extract"
    """Name of the DaskCluster or DaskJob."""
    namespace: str = "default"
    pods: int = 2
    """Worker pods."""
    cores: int = 1
    """Cores of a pod: as many workers of one thread."""
    memory_mib: int = 2048
    """Memory of a pod in MiB."""
    claim: str = "extract-data"
    """Persistent volume claim (ReadWriteMany) that holds inputs and output."""
    mount: str = "/data"
    """Where it is mounted in every pod."""
    tls_secret: str = "extract-tls"
    """Secret made of the folder of ``extract cluster certs --at /tls``."""
    address: str | None = None
    """How this machine reaches the scheduler; None for its name within the Kubernetes network."""

    def __post_init__(self) -> None:
        for name in ("pods", "cores", "memory_mib"):
            if getattr(self, name) < 1:
                raise ClusterRefused(f"[kubernetes] {name}: got {getattr(self, name)}, expected at least 1")
