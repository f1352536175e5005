"""Responsible for ``extract cluster``: certificates, starting, describing, and scripts for others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster import ClusterConfig
    from cluster.versions import WorkerFacts

_FILE = click.Path(path_type=Path)
_POLL_SECONDS = 0.2


@click.group()
def cluster() -> None:
    """Start or describe a Dask cluster (local, SSH, SLURM, Kubernetes), make its certificates.

    \b
    Example:
      extract cluster certs --to ~/extract-tls
    """


def which_cluster(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which cluster is meant."""
    options = (
        click.option("--scheduler", metavar="ADDRESS", help="A running scheduler, or its scheduler file."),
        click.option(
            "--tls", type=_FILE, metavar="DIR", help="Certificates, as `extract cluster certs` made."
        ),
        click.option("--cluster", "file", type=_FILE, metavar="FILE.toml", help="Settings of the cluster."),
        click.option("--insecure-network", is_flag=True, help="Allow a scheduler elsewhere without TLS."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _config_of(
    scheduler: str | None, tls: Path | None, file: Path | None, insecure_network: bool
) -> ClusterConfig:
    from cluster import ClusterConfig, read_config

    if file is not None:
        if scheduler is not None or tls is not None:
            raise click.UsageError("--cluster already says which scheduler and certificates")
        return read_config(file)
    return ClusterConfig(
        scheduler=scheduler, insecure_network=insecure_network, tls=None if tls is None else str(tls)
    )


@click.option("--to", required=True, type=_FILE, metavar="DIR", help="Folder to make; must not be there yet.")
@click.option(
    "--at", "seen_at", type=_FILE, metavar="DIR", help="Where hosts see the folder. [default: same path]"
)
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="Valid so long.")
def _certs(to: Path, seen_at: Path | None, days: int, as_json: bool) -> None:
    """Make the certificates of one cluster: a private authority, and keys for scheduler, workers and driver.

    Whoever can read the folder can use the cluster. Make one for each cluster or run, and remove it after.
    """
    from cluster.certificates import write_certificates

    files = write_certificates(to, days=days, seen_at=seen_at)
    folder = Path(files.ca).parent
    if as_json:
        echo_json({"path": str(folder), "days": days, "dask_config": str(folder / "dask.yaml")})
        return
    seen = seen_at or folder
    click.echo(
        f"{folder}: authority and keys for {days} days; its own key is not kept\n"
        f"on the scheduler's host:  DASK_CONFIG={seen}/dask.yaml dask scheduler --protocol tls "
        "--host ADDRESS --dashboard-address 127.0.0.1:8787\n"
        f"on each worker's host:    DASK_CONFIG={seen}/dask.yaml dask worker tls://ADDRESS:8786 "
        "--host OWN_ADDRESS --nthreads 1 --nworkers N --dashboard-address 127.0.0.1:0\n"
        f"here:                     extract run INPUT --out DIR --scheduler tls://ADDRESS:8786 --tls {folder}"
    )


@which_cluster
def _describe(as_json: bool, **which: Any) -> None:
    """Show a cluster's workers: threads, memory, CPU class, and whether their software is the same as here.

    A cluster of a kind that is started is started for this, and closed again.
    """
    from cluster.dashboard import dashboard_lines
    from cluster.open import open_cluster
    from cluster.versions import list_workers, versions_here

    with open_cluster(_config_of(**which)) as client:
        workers, lines = list_workers(client), dashboard_lines(client)
        address = str(client.scheduler.address)
    if as_json:
        echo_json({"scheduler": address, "versions": dict(versions_here()), "workers": _list(workers)})
        return
    columns = ("worker", "address", "threads", "MiB", "CPU class", "software")
    rows = [
        (w.name, w.address, str(w.threads), f"{w.memory_limit // 2**20:,}", w.cpu, _software(w))
        for w in workers
    ]
    echo_table(f"{len(workers)} workers of {address}", columns, rows)
    for line in lines:
        echo_note(line)


@which_cluster
@click.option("--workers", type=click.IntRange(1), help="Worker processes of a local cluster.")
def _start(workers: int | None, as_json: bool, **which: Any) -> None:
    """Start a cluster, print its scheduler's address, and close it when interrupted (Ctrl-C, SIGTERM)."""
    import dataclasses

    from cluster.dashboard import dashboard_lines
    from cluster.open import open_cluster
    from jobs.cli.signals import stop_on_signals

    config = _config_of(**which)
    if config.kind == "address":
        raise click.UsageError("--scheduler is running already; see extract cluster describe")
    if workers is not None:
        config = dataclasses.replace(config, n_workers=workers)
    with stop_on_signals() as stop, open_cluster(config) as client:
        address = str(client.scheduler.address)
        if as_json:
            echo_json({"scheduler": address, "kind": config.kind})
        else:
            click.echo(address)
        for line in dashboard_lines(client):
            echo_note(line)
        while not stop.is_set:
            time.sleep(_POLL_SECONDS)


@click.option("--kind", required=True, type=click.Choice(["slurm", "kubernetes"]), help="What to render.")
@click.option(
    "--cluster",
    "file",
    type=_FILE,
    required=True,
    metavar="FILE.toml",
    help="A [slurm] or [kubernetes] table.",
)
@click.argument("arguments", nargs=-1, required=True, metavar="-- INPUT... --out DIR", type=click.UNPROCESSED)
def _script(kind: str, file: Path, arguments: tuple[str, ...], as_json: bool) -> None:
    """Render a whole run for somebody else's cluster, without touching any.

    SLURM: a batch script with scheduler, workers and run in one allocation. Kubernetes: a DaskJob for the
    Dask operator, and a policy that lets nobody else in. What stands after -- is given to `extract run`.
    """
    from cluster import read_config

    config = read_config(file)
    if config.kind != kind:
        raise click.UsageError(f"{file} is of kind {config.kind}, not {kind}")
    if config.slurm is not None:
        from cluster.batch import render_batch

        text = render_batch(config.slurm, arguments)
    elif config.kubernetes is not None:
        from cluster.manifests import job_manifest, network_manifest, render

        text = render([network_manifest(config.kubernetes), job_manifest(config.kubernetes, arguments)])
    if as_json:
        echo_json({"kind": kind, "script": text})
    else:
        click.echo(text, nl=False)


def _list(workers: list[WorkerFacts]) -> list[dict[str, Any]]:
    return [
        {
            "name": worker.name,
            "address": worker.address,
            "threads": worker.threads,
            "memory_limit": worker.memory_limit,
            "cpu": worker.cpu,
            "versions": dict(worker.versions),
            "problem": worker.problem,
        }
        for worker in workers
    ]


def _software(worker: WorkerFacts) -> str:
    """Whether a worker is the same software, in a word or two."""
    from cluster.versions import versions_here

    if worker.problem:
        return "cannot be asked"
    differ = [name for name, there in worker.versions if dict(versions_here())[name] != there]
    return f"differs: {', '.join(differ)}" if differ else "same"


_ADD: dict[str, tuple[Callable[..., Any], str]] = {
    "certs": (_certs, "extract cluster certs --to ~/extract-tls\nextract cluster certs --to tls --at /tls"),
    "start": (_start, "extract cluster start --workers 4\nextract cluster start --cluster ssh.toml"),
    "describe": (_describe, "extract cluster describe --scheduler tls://10.0.0.1:8786 --tls ~/extract-tls"),
    "script": (
        _script,
        "extract cluster script --kind slurm --cluster slurm.toml -- baseline/ --out out > job.sh",
    ),
}
for _name, (_function, _example) in _ADD.items():
    cluster.add_command(command(_name, example=_example)(_function))
