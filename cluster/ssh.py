"""Responsible for a cluster on hosts that are reached by SSH, with their keys checked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
from distributed import Client, SSHCluster

from cluster.config import ClusterConfig
from cluster.errors import ClusterRefused, ClusterUnreachable
from cluster.kinds import SshConfig
from cluster.tls import security_of, tls_files, tls_settings

IDLE = "1h"
"""A cluster that nobody uses for so long ends itself: its driver was killed, and could not end it."""


@contextmanager
def start_ssh(config: ClusterConfig) -> Iterator[Client]:
    """Start a scheduler and workers over SSH; they end with the connections.

    What Dask is told here, certificates included, it hands on to the hosts, by paths: so the
    folder of certificates must lie there under the same path.

    :raises ClusterUnreachable: when a host refuses, or its key is not the one that is known.
    """
    try:
        import asyncssh
    except ImportError as exc:
        raise ClusterRefused(
            "kind ssh needs the package asyncssh", "pip install 'extraction-runner[ssh]'"
        ) from exc
    assert config.ssh is not None  # the configuration has checked it
    files = tls_files(config)
    options = ssh_options(config, config.ssh, protocol="tls" if files else "tcp")
    with dask.config.set(tls_settings(files) if files else {}):
        try:
            cluster = SSHCluster(**options, security=security_of(files))
        except (OSError, asyncssh.Error, RuntimeError) as exc:
            reason = exc.__cause__ or exc  # Dask wraps what befell the scheduler, not what befell workers
            if isinstance(reason, asyncssh.HostKeyNotVerifiable):
                raise ClusterUnreachable(
                    f"a host's key is not the known one: {reason}",
                    f"find out why; the keys that are trusted are in {config.ssh.known_hosts}",
                ) from exc
            raise ClusterUnreachable(f"cannot start workers over SSH: {reason}") from exc
        with cluster, Client(cluster, security=security_of(files)) as client:
            yield client


def ssh_options(config: ClusterConfig, ssh: SshConfig, *, protocol: str) -> dict[str, Any]:
    """What distributed's SSHCluster is asked for."""
    known_hosts = Path(ssh.known_hosts).expanduser()
    if not known_hosts.is_file():
        raise ClusterRefused(
            f"no file of known host keys at {known_hosts}", "log in to each host once by hand"
        )
    scheduler_host = ssh.scheduler_host or ssh.hosts[0]
    connect = {
        "known_hosts": str(known_hosts),
        "port": ssh.port,
        **({"username": ssh.username} if ssh.username else {}),
        **({"client_keys": [str(Path(ssh.client_key).expanduser())]} if ssh.client_key else {}),
    }
    lifetime = {"lifetime": f"{config.lifetime_seconds}s"} if config.lifetime_seconds else {}
    return {
        "hosts": [scheduler_host, *ssh.hosts],
        "connect_options": connect,
        "scheduler_options": {
            "host": scheduler_host,
            "port": 0,
            "protocol": protocol,
            "dashboard_address": "127.0.0.1:0",
            "idle_timeout": IDLE,
        },
        "worker_options": {
            "nthreads": 1,
            "n_workers": ssh.workers_per_host,
            "protocol": protocol,
            "dashboard_address": "127.0.0.1:0",
            "memory_limit": config.memory_limit or "auto",
            "local_directory": ssh.local_directory,
            # Where no signal reaches them (sshd sends root's processes none) they end without a scheduler.
            "death_timeout": config.start_seconds,
            **lifetime,
            **({"interface": ssh.interface} if ssh.interface else {}),
        },
        "remote_python": ssh.remote_python,
    }
