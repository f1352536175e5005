"""Responsible for `extract export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobs.cli.group import command
from jobs.cli.output import echo_json
from jobs.cli.place import OUTPUT, WRITTEN

if TYPE_CHECKING:
    from extract.place import Place

# Repeated from jobs.export.write, which imports Arrow; a test holds them equal.
_FORMATS = ("pubtator", "bioc-json", "jsonl", "csv", "label-studio")
_TABLES = ("entities", "endpoints", "citations")


@command(
    "export",
    example="extract export out --format csv --to entities.csv\n"
    "extract export out --format bioc-json --to out.json --inputs baseline/",
)
@click.argument("folder", type=OUTPUT, metavar="DIR")
@click.option("--format", "format_name", type=click.Choice(_FORMATS), required=True, help="What to write.")
@click.option(
    "--to",
    "target",
    type=WRITTEN,
    required=True,
    metavar="FILE",
    help="The file to write.",
)
@click.option(
    "--table",
    type=click.Choice(_TABLES),
    help="Which table, for csv.  [default: entities]",
)
@click.option(
    "--inputs",
    multiple=True,
    metavar="INPUT",
    help="File, folder or pattern to read whole texts from; may be given several times. "
    "[default: texts are the sentences with entities]",
)
@click.option("--as-of", metavar="RUN", help="Write the output as that run left it.  [default: as it is]")
def export(
    folder: Place,
    format_name: str,
    target: Path,
    table: str | None,
    inputs: tuple[str, ...],
    as_of: str | None,
    as_json: bool,
) -> None:
    """Write the live view of the output DIR in a format of other tools.

    Replaced and deleted citations are left out, and so are those without entities (but not from csv).
    """
    from extract.output import open_output
    from jobs.export.write import write_export

    if format_name == "csv" and inputs:
        raise click.UsageError("csv holds rows, not texts: leave out --inputs")
    if format_name != "csv" and table:
        raise click.UsageError(f"--table is for csv; {format_name} holds whole documents")
    view = open_output(folder, as_of=as_of)
    report = write_export(view, format_name, target, table=table or "entities", inputs=inputs)
    if as_json:
        echo_json(report.to_dict())
        return
    kind = "rows" if format_name == "csv" else "documents"
    click.echo(f"{report.n_items:,} {kind}, {report.n_bytes:,} bytes: {target}")
