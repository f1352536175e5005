"""Responsible for `extract gc`."""

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


@command("gc", example="extract gc out\nextract gc out --yes")
@click.argument("folder", type=OUTPUT, metavar="DIR")
@click.option("--yes", is_flag=True, help="Remove the files instead of listing them.")
def gc(folder: Place, yes: bool, as_json: bool) -> None:
    """List, or with --yes remove, files of the output DIR that nothing refers to."""
    from extract.commits import require_output
    from jobs.garbage import find_garbage, remove_garbage

    require_output(folder)
    garbage = find_garbage(folder)
    if yes:
        remove_garbage(folder, garbage)
    names = [entry.key for entry in garbage]
    n_bytes = sum(entry.n_bytes for entry in garbage)
    if as_json:
        echo_json({"files": names, "bytes": n_bytes, "removed": yes})
        return
    for name in names:
        click.echo(printable(name))
    what = f"{counted(len(names), 'file')}, {counted(n_bytes, 'byte')}"
    click.echo(f"{what} {'removed' if yes else 'can be removed with --yes'}")
