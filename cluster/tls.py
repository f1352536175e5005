"""Responsible for the certificates of a cluster as files, and for what Dask needs to know of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed.security import Security

from cluster.config import ClusterConfig
from cluster.errors import ClusterRefused

CA = "ca.pem"
ROLES = ("scheduler", "worker", "client")
DASK_FILE = "dask.yaml"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of certificates and keys."""

    ca: str
    """Certificate of the authority; whoever shows a certificate of it belongs to the cluster."""
    pairs: tuple[tuple[str, str, str], ...]
    """Role, certificate, key."""


def files_in(folder: Path) -> TlsFiles:
    """The paths in a folder as ``extract cluster certs`` makes it, whether or not it is there."""
    pairs = [(role, str(folder / f"{role}-cert.pem"), str(folder / f"{role}-key.pem")) for role in ROLES]
    return TlsFiles(str(folder / CA), tuple(pairs))


def tls_files(config: ClusterConfig) -> TlsFiles | None:
    """The files that a configuration names, checked; None where it names none.

    :raises ClusterRefused: when one is missing, or a key is open to every user of the machine.
    """
    if config.tls is not None:
        found = files_in(Path(config.tls).expanduser().absolute())
    elif config.tls_ca is not None:
        cert, key = config.tls_cert or "", config.tls_key or ""
        found = TlsFiles(config.tls_ca, tuple((role, cert, key) for role in ROLES))
    else:
        return None
    for path in (found.ca, *(path for _, *pair in found.pairs for path in pair)):
        if not Path(path).is_file():
            raise ClusterRefused(f"no certificate or key at {path!r}", "run extract cluster certs --to DIR")
    for _, _, key in found.pairs:
        if Path(key).stat().st_mode & 0o007:
            raise ClusterRefused(f"everybody on this machine may read the key {key}", f"run chmod 600 {key}")
    return found


def tls_settings(files: TlsFiles) -> dict[str, Any]:
    """Dask's settings by dotted name: these certificates, and nothing without them."""
    named = {
        f"distributed.comm.tls.{role}.{what}": path
        for role, cert, key in files.pairs
        for what, path in (("cert", cert), ("key", key))
    }
    return {
        "distributed.comm.tls.ca-file": files.ca,
        **named,
        "distributed.comm.require-encryption": True,
    }


def security_of(files: TlsFiles | None) -> Security | None:
    """What clients, schedulers and workers of this process show and demand."""
    if files is None:
        return None
    named = {
        f"tls_{role}_{what}": path
        for role, cert, key in files.pairs
        for what, path in (("cert", cert), ("key", key))
    }
    return Security(tls_ca_file=files.ca, require_encryption=True, **named)
