"""Responsible for `extract report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_table, echo_text
from jobs.cli.place import OUTPUT, WRITTEN

if TYPE_CHECKING:
    from extract.place import Place
    from jobs.report_choice import Choice
    from jobs.report_parts import Section

_COLUMNS = {
    "citations": "citations",
    "entities": "entities",
    "quarantined": "quar.",
    "wall_seconds": "seconds",
    "citations_per_second": "citations/s",
    "tokens_per_second": "tokens/s",
    "usd_per_million_citations": "USD/M",
}
_BAR = 30
_ACROSS_RUNS = ("Runs", "From night to night", "Made with")
"""Parts that the tables of runs and models say too, or that are for the page."""


@command("report", example="extract report out\nextract report out --html report.html")
@click.argument("folder", type=OUTPUT, metavar="DIR")
@click.option(
    "--html",
    type=WRITTEN,
    metavar="FILE",
    help="Write the report as a page.",
)
@click.option(
    "--run", "run_id", metavar="ID", help="The run to tell of, by id or number. [default: the last one]"
)
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    metavar="FILE.toml",
    help="What machines cost, for the table of costs. [default: some examples]",
)
def report(folder: Place, html: Path | None, run_id: str | None, prices: Path | None, as_json: bool) -> None:
    """Show throughput and cost of every run in the output DIR and of every model, and all about one run.

    That is the last run that processed something, or --run. --html writes it as a page.
    """
    from jobs.prices import read_prices
    from jobs.report import by_model
    from jobs.report_choice import read_choice
    from jobs.report_page import write_report_page

    table = read_prices() if prices is None else read_prices(prices)
    choice = read_choice(folder, run_id=run_id, prices=table)
    if html is not None:
        write_report_page(folder, html, run_id=run_id, prices=table)
    runs, models = [line.to_dict() for line in choice.lines], by_model(choice.lines)
    if as_json:
        echo_json({"runs": runs, "models": models, **_details(choice)})
        return
    echo_table(
        "Runs", ["run", "model", "status", *_COLUMNS.values()], _rows(runs, ("run_id", "model", "status"))
    )
    echo_table("Models", ["model", "runs", *_COLUMNS.values()], _rows(models, ("model", "runs")))
    _echo_run(choice)


def _details(choice: Choice) -> dict[str, Any]:
    """All about the run that is shown, and the costs."""
    from jobs.report_cost import cost_table

    view, shown = choice.view, choice.shown
    run = None if view is None or shown is None else {**shown.to_dict(), **view.to_dict()}
    return {"run": run, "cost": cost_table(choice.lines, choice.prices)}


def _echo_run(choice: Choice) -> None:
    """The page's parts as text."""
    from jobs.report_sections import build_page

    if choice.shown is None or choice.view is None:
        echo_text("No runs yet.")
        return
    page = build_page(choice.view, choice.shown, choice.lines, choice.prices)
    echo_text(f"{page.title} ({page.subtitle})")
    for notice in page.notices:
        echo_text(f"! {notice}")
    for section in page.sections:
        if section.title not in _ACROSS_RUNS:
            _echo_section(section)


def _echo_section(section: Section) -> None:
    echo_text(f"\n{section.title}")
    if section.text:
        echo_text(section.text)
    if section.bars:
        longest = max(bar.value for bar in section.bars) or 1.0
        rows = [
            [bar.label, bar.text + (" !" if bar.alarm else ""), "█" * round(_BAR * bar.value / longest)]
            for bar in section.bars
        ]
        echo_table("", ["", section.caption.partition(";")[0], ""], rows, left=(0, 2))
    for curve in section.curves:
        if len(curve.points) > 1:
            echo_text(f"{curve.title}: {_spark([point.y for point in curve.points])} {curve.ends[1]}")
    if section.rows:
        echo_table("", section.columns, section.rows)
    for head, items in section.lists:
        echo_text(head)
        for item in items:
            echo_text(f"  - {item}")


def _spark(values: Sequence[float]) -> str:
    """A line of blocks, as high as the values."""
    blocks, highest = " ▁▂▃▄▅▆▇█", max(values) or 1.0
    step = max(1, len(values) // 60)
    return "".join(blocks[round(8 * value / highest)] for value in values[::step])


def _rows(values: Sequence[Mapping[str, Any]], first: Sequence[str]) -> list[list[str]]:
    return [
        [*(str(row[name]) for name in first), *(_number(row[name]) for name in _COLUMNS)] for row in values
    ]


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
