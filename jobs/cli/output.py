"""Responsible for what commands write to stdout and stderr."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from extract.gate_audit import TELLING
from jobs.cli.failure import printable
from jobs.words import counted


def echo_json(value: Mapping[str, Any]) -> None:
    """One JSON object on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2))


def echo_note(text: str) -> None:
    """A line for people, on stderr."""
    click.echo(text, err=True)


def echo_summary(report: Mapping[str, Any]) -> None:
    """What a run did, in a few lines on stdout."""
    price = report["usd_per_million_citations"]
    cost = "" if price is None else f", {price:,.2f} USD per million citations"
    lines = (
        _fates_line(report),
        f"{report['citations']:,} citations, {report['sentences']:,} sentences "
        f"({report['sentences_gated_out']:,} gated out), {report['tokens']:,} tokens, "
        f"{report['entities']:,} entities, {report['quarantined']:,} quarantined",
        f"{report['wall_seconds']:,.1f} s with {counted(report['workers'], 'worker')} "
        f"({report['cpu_seconds']:,.1f} s "
        f"CPU, {report['peak_rss_bytes'] / 2**20:,.0f} MiB): {report['citations_per_second']:,.1f} "
        f"citations/s, {report['tokens_per_second']:,.0f} tokens/s{cost}",
        f"{report['status']}: run {report['run_id']} with {report['model']}, "
        f"{report['citations_output']:,} citations in the output",
    )
    for line in (*lines, *_audit_lines(report)):
        click.echo(line)


def _fates_line(report: Mapping[str, Any]) -> str:
    """That every record has one fate; a shard of which that is not so is never committed."""
    fates = [f"{count:,} {fate}" for fate, count in report["fates"].items()]
    fates += [counted(report["deletions"], "order") + " to delete"] if report["deletions"] else []
    read = report["citations"] + report["deletions"]
    return f"{counted(read, 'record')} read, each with one fate: {', '.join(fates) or 'none'}"


def _audit_lines(report: Mapping[str, Any]) -> list[str]:
    """What the sample of the dropped sentences says of the gate."""
    lines = []
    for level, seen in report["gate_audit"].items():
        if seen["audited"]:
            told = seen["audited"] >= TELLING and seen["loss_upper"] is not None
            bound = f": at most {seen['loss_upper']:.1%} lost (95 % bound)" if told else ""
            lines.append(
                f"gate, by {level}: {seen['dropped']:,} sentences dropped, {seen['audited']:,} of them "
                f"tagged all the same, {seen['entities']:,} entities in them{bound}"
            )
    return lines


def echo_text(text: str) -> None:
    """A line for people, on stdout, whatever it holds."""
    click.echo("\n".join(printable(line) for line in text.split("\n")))


def echo_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)
) -> None:
    """A table on stdout; columns other than ``left`` are aligned to the right, and none is cut short."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index in left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))  # Text: cells are data, never markup
    console = Console()
    console.width = max(console.width, Console(width=10_000).measure(table).maximum)
    console.print(table, crop=False)
