"""Responsible for `extract status`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jobs.cli.failure import printable
from jobs.cli.group import command
from jobs.cli.output import echo_json
from jobs.cli.place import OUTPUT
from jobs.words import counted

if TYPE_CHECKING:
    from extract.place import Place
    from jobs.status import Status


@command("status", example="extract status out")
@click.argument("folder", type=OUTPUT, metavar="DIR")
def status(folder: Place, as_json: bool) -> None:
    """Tell what is done, pending and quarantined in the output DIR, without writing."""
    from jobs.status import read_status

    found = read_status(folder)
    if as_json:
        echo_json(found.to_dict())
    else:
        _show(found)


def _show(status: Status) -> None:
    fates = ", ".join(f"{count:,} {fate}" for fate, count in status.fates.items()) or "none"
    click.echo(
        f"{status.n_shards_done:,} of {counted(status.n_shards, 'shard')} "
        f"of {counted(status.n_sources, 'file')} done"
    )
    click.echo(
        f"citations: {fates}; {status.n_citations_pending:,} pending, {status.n_citations_stale:,} stale"
    )
    if status.runs_alive:
        click.echo(f"running now: {', '.join(status.runs_alive)}")
    for refused in status.refused:
        why = f"{refused.reason}: {refused.detail}" if refused.detail else refused.reason
        click.echo(printable(f"refused by the last run: {refused.file}: {why}"))
    for gap in status.gaps:
        click.echo(printable(gap))
    for row in status.quarantined:
        click.echo(
            printable(f"quarantined: {row.doc_id or '?'} ({row.source}, {row.position}): {row.reason}")
        )
