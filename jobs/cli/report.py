"""Responsible for `extract report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_table

_COLUMNS = {
    "citations": "citations",
    "entities": "entities",
    "quarantined": "quar.",
    "wall_seconds": "seconds",
    "citations_per_second": "citations/s",
    "tokens_per_second": "tokens/s",
    "usd_per_million_citations": "USD/M",
}


@command("report", example="extract report out\nextract report out --html report.html")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the report as a page.")
@click.option("--run", "run_id", metavar="ID", help="The run that the page is about. [default: the last one]")
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="What machines cost, for the page's cost table. [default: some examples]",
)
def report(folder: Path, html: Path | None, run_id: str | None, prices: Path | None, as_json: bool) -> None:
    """Show throughput and cost of every run in the output DIR, and of every model variant.

    --html writes a page about the last run that processed something, or about --run, with those before it.
    """
    from jobs.report import by_model, read_report

    lines = read_report(folder)
    runs, models = [line.to_dict() for line in lines], by_model(lines)
    if html is not None:
        _write_page(folder, html, run_id, prices)
    elif run_id or prices:
        raise click.UsageError("--run and --prices are for the page: give --html FILE")
    if as_json:
        echo_json({"runs": runs, "models": models})
        return
    echo_table(
        "Runs", ["run", "model", "status", *_COLUMNS.values()], _rows(runs, ("run_id", "model", "status"))
    )
    echo_table("Models", ["model", "runs", *_COLUMNS.values()], _rows(models, ("model", "runs")))


def _write_page(folder: Path, html: Path, run_id: str | None, prices: Path | None) -> None:
    from jobs.prices import read_prices
    from jobs.report_page import write_report_page

    table = read_prices() if prices is None else read_prices(prices)
    write_report_page(folder, html, run_id=run_id, prices=table)


def _rows(values: Sequence[Mapping[str, Any]], first: Sequence[str]) -> list[list[str]]:
    return [
        [*(str(row[name]) for name in first), *(_number(row[name]) for name in _COLUMNS)] for row in values
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
