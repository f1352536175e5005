"""Responsible for `extract run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from extract.registry import DEFAULT_MODEL
from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_summary
from jobs.cli.place import OUTPUT

if TYPE_CHECKING:
    from extract.place import Place
    from jobs.config import JobConfig


@command("run", example="extract run baseline/*.xml.gz --out out\nextract run nightly/ --out out --json")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--out",
    required=True,
    type=OUTPUT,
    metavar="DIR",
    help="Output folder, made if missing; or s3:// or gs:// and a prefix.",
)
@click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, help="Variant, or a bundle's folder or URL."
)
@click.option("--workers", type=click.IntRange(1), help="Worker processes. [default: one per physical core]")
@click.option(
    "--scheduler", metavar="ADDRESS", help="Join a running Dask scheduler (tls:// or this machine)."
)
@click.option(
    "--cluster", type=click.Path(path_type=Path), metavar="FILE.toml", help="Settings of the cluster."
)
@click.option(
    "--tls",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Certificates for --scheduler, as `extract cluster certs` made.",
)
@click.option("--insecure-network", is_flag=True, help="Allow a scheduler elsewhere without TLS.")
@click.option("--no-gate", is_flag=True, help="Tag every sentence, even if the model has a gate.")
@click.option(
    "--allow-ungated",
    is_flag=True,
    help="Run a variant that was marked, when built, as falling too far below its dense model.",
)
@click.option("--replace-model", is_flag=True, help="Process an output of other settings again with these.")
@click.option(
    "--max-quarantine",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Stop when more citations than this share are unusable. [default: 0.001, but at least 10 citations]",
)
@click.option(
    "--price-per-hour",
    type=click.FloatRange(0),
    metavar="USD",
    help="What all machines together cost. [default: 0.048 a worker, that is 0.096 for two vCPUs]",
)
@click.option(
    "--shadow",
    metavar="MODEL",
    help="Model that 0.5 % of the tagged sentences go through too, to see how far both agree; none for none. "
    "[default: the dense parent, if it lies beside the model and the run is long]",
)
@click.option("--shard-size", type=click.IntRange(1), help="Citations a shard. [default: by size of input]")
def run(as_json: bool, **options: Any) -> None:
    """Extract entities from INPUT (files, folders, globs; also s3://, gs://, https://) into the folder --out.

    Running the same command again continues where it stopped, and takes in only what is new.
    """
    from jobs.cli.progress import shown_progress
    from jobs.cli.signals import stop_on_signals
    from jobs.run import run_job

    config = _config_of(**options)
    with shown_progress() as listener, stop_on_signals() as stop:
        report = run_job(config, listener=listener, stop=stop)
    (echo_json if as_json else echo_summary)(report.to_dict())
    if report.stopped_by is not None:
        raise report.stopped_by


def _config_of(
    *,
    inputs: tuple[str, ...],
    out: Place,
    model: str,
    workers: int | None,
    scheduler: str | None,
    cluster: Path | None,
    tls: Path | None,
    insecure_network: bool,
    no_gate: bool,
    allow_ungated: bool,
    replace_model: bool,
    max_quarantine: float | None,
    price_per_hour: float | None,
    shadow: str | None,
    shard_size: int | None,
) -> JobConfig:
    from cluster import ClusterConfig, read_config
    from jobs.config import JobConfig
    from jobs.model import SHADOW_LEAST, find_model
    from jobs.parent import find_shadow

    if cluster is not None and not (scheduler is None and workers is None and tls is None):
        raise click.UsageError("--cluster already says how many workers, which scheduler or certificates")
    source = find_model(model, promoted=not allow_ungated)
    return JobConfig(
        inputs=inputs,
        out=out,
        model=source,
        shadow=find_shadow(source, shadow),
        shadow_least=SHADOW_LEAST if shadow is None else 0,
        cluster=read_config(cluster)
        if cluster is not None
        else ClusterConfig(
            n_workers=workers,
            scheduler=scheduler,
            insecure_network=insecure_network,
            tls=None if tls is None else str(tls),
        ),
        gate=not no_gate,
        replace_model=replace_model,
        max_quarantine=max_quarantine,
        price_per_hour=price_per_hour,
        slice_records=shard_size,
    )
