"""Responsible for what a cluster should be: its values, from code or from a file."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import urlsplit

from cluster.errors import ClusterRefused
from cluster.kinds import KubernetesConfig, SlurmConfig, SshConfig

LOOPBACK = frozenset(("127.0.0.1", "localhost", "::1"))
TABLES: dict[str, type[SshConfig] | type[SlurmConfig] | type[KubernetesConfig]] = {
    "ssh": SshConfig,
    "slurm": SlurmConfig,
    "kubernetes": KubernetesConfig,
}
KINDS = ("local", "address", *TABLES)
ADAPTIVE = frozenset(("local", "slurm"))
"""Kinds whose number of workers may follow the work."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """A cluster to start, or one to join."""

    n_workers: int | None = None
    """Worker processes to start, one thread each; None for one per physical core. For kind ``local``."""
    memory_limit: int | None = None
    """Bytes of resident memory at which a worker is restarted; None for its share of the machine."""
    scheduler: str | None = None
    """Address of a running scheduler to join, or the path of its scheduler file (``.json``)."""
    insecure_network: bool = False
    """Whether the network may be used without TLS."""
    tls_ca: str | None = None
    """Certificate of the authority that signed the cluster's certificates."""
    tls_cert: str | None = None
    tls_key: str | None = None
    start_seconds: float = 120.0
    """How long to wait for the first worker."""
    kind: str = ""
    """One of :data:`KINDS`; empty for ``address`` where a scheduler is given, else ``local``."""
    tls: str | None = None
    """Folder of certificates as ``extract cluster certs`` makes it, instead of the three files."""
    minimum: int | None = None
    """Fewest workers of an adaptive cluster; None for one that keeps its size."""
    maximum: int | None = None
    """Most workers of an adaptive cluster."""
    lifetime_seconds: float | None = None
    """Age at which a worker retires without harm; None for ever, or on SLURM for the job's time limit."""
    ssh: SshConfig | None = None
    slurm: SlurmConfig | None = None
    kubernetes: KubernetesConfig | None = None

    def __post_init__(self) -> None:
        if not self.kind:
            object.__setattr__(self, "kind", "local" if self.scheduler is None else "address")
        if self.kind not in KINDS:
            raise ClusterRefused(f"kind: got {self.kind!r}, expected one of {', '.join(KINDS)}")
        if self.n_workers is not None and self.n_workers < 1:
            raise ClusterRefused(f"got {self.n_workers} workers, expected at least 1")
        self._check_tables()
        self._check_bounds()
        self._check_network()

    @property
    def is_adaptive(self) -> bool:
        return self.maximum is not None

    @property
    def has_tls(self) -> bool:
        return self.tls is not None or self.tls_ca is not None

    def _check_tables(self) -> None:
        """A kind has its own table and no other's."""
        given = {name for name in TABLES if getattr(self, name) is not None}
        wanted = {self.kind} & set(TABLES)
        if given != wanted:
            raise ClusterRefused(
                f"kind {self.kind}: got {_tables(given)}, expected {_tables(wanted)}", "see docs/clusters.md"
            )
        if (self.scheduler is None) == (self.kind == "address"):
            has = "no scheduler" if self.scheduler is None else f"scheduler {self.scheduler!r}"
            raise ClusterRefused(f"kind {self.kind}: got {has}", "a scheduler is given for kind address only")

    def _check_bounds(self) -> None:
        if self.minimum is None and self.maximum is None:
            return
        if self.kind not in ADAPTIVE:
            raise ClusterRefused(
                f"kind {self.kind} cannot be adaptive, only {' and '.join(sorted(ADAPTIVE))}",
                "leave minimum and maximum out; workers that come or go by themselves are used all the same",
            )
        if self.maximum is None or not 0 <= (self.minimum or 0) <= self.maximum or self.maximum < 1:
            raise ClusterRefused(
                f"got minimum {self.minimum} and maximum {self.maximum}, expected 0 <= minimum <= maximum"
            )

    def _check_network(self) -> None:
        """Beyond this machine only with TLS, or by an explicit word."""
        if self.scheduler is not None and not self.scheduler.endswith(".json"):
            check_address(self.scheduler, self.insecure_network)
        if self.kind in TABLES and not self.has_tls and not self.insecure_network:
            raise ClusterRefused(
                f"kind {self.kind} uses a network, and no certificates are named",
                "run extract cluster certs --to DIR and say tls = 'DIR', "
                "or insecure_network = true if the network is yours alone",
            )


def read_config(path: Path) -> ClusterConfig:
    """A cluster from a TOML file: fields of :class:`ClusterConfig` at its top level, a table for its kind.

    :raises ClusterRefused: when the file cannot be read or says something unknown.
    """
    try:
        with path.open("rb") as stream:
            values: dict[str, Any] = tomllib.load(stream)
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise ClusterRefused(f"cluster file {path} cannot be read: {exc}") from exc
    for name, table in TABLES.items():
        if isinstance(values.get(name), dict):
            values[name] = table(**_parse_fields(table, values[name], f"{path} [{name}]"))
    return ClusterConfig(**_parse_fields(ClusterConfig, values, str(path)))


def check_address(address: str, insecure_network: bool) -> None:
    """Refuse an address that is no address, or that is beyond this machine and not encrypted.

    :raises ClusterRefused: then.
    """
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if not parts.hostname:
        raise ClusterRefused(f"scheduler address {address!r} names no host", "expected tls://HOST:PORT")
    if parts.scheme == "tls" or parts.hostname in LOOPBACK or insecure_network:
        return
    raise ClusterRefused(
        f"scheduler {address} is beyond this machine and not encrypted: whoever reaches it can run code",
        "use tls://, or --insecure-network if the network is yours alone",
    )


def _parse_fields(table: type, values: dict[str, Any], where: str) -> dict[str, Any]:
    """The values with arrays made tuples, each known and of the right type, none missing."""
    types = get_type_hints(table)
    known = [field.name for field in fields(table)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ClusterRefused(f"{where}: got {', '.join(unknown)}, expected any of {', '.join(known)}")
    missing = [field.name for field in fields(table) if field.default is MISSING and field.name not in values]
    if missing:
        raise ClusterRefused(f"{where}: {', '.join(missing)} missing")
    parsed = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    for name, value in parsed.items():
        if not _fits(value, types[name]):
            expected = getattr(types[name], "__name__", str(types[name]))
            raise ClusterRefused(f"{where}: {name}: got {value!r}, expected {expected}")
    return parsed


def _fits(value: object, wanted: Any) -> bool:
    """Whether a TOML value is of a field's type."""
    options = get_args(wanted)
    if wanted == tuple[str, ...]:
        return isinstance(value, tuple) and all(isinstance(part, str) for part in value)
    if options:
        return any(_fits(value, option) for option in options)
    if isinstance(value, bool):
        return wanted is bool
    return isinstance(value, (int, float) if wanted is float else wanted)


def _tables(names: set[str]) -> str:
    return ", ".join(f"[{name}]" for name in sorted(names)) or "no table"
