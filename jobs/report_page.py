"""Responsible for the report as a web page: one file, no script, nothing loaded from elsewhere.

All texts pass through Jinja's autoescape or lxml's, and the page forbids itself everything but its own
styles, so that nothing in an input (ids, file names, reasons, sentences) can act in a reader's browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from extract.evidence import clean_text
from extract.place import Place
from jobs import charts
from jobs.prices import Instance
from jobs.report_choice import read_choice
from jobs.report_parts import BarRow, Page
from jobs.report_sections import build_page
from jobs.store import store_of

_TEMPLATES = Path(__file__).parent / "templates"


def write_report_page(
    root: Place, path: Place, *, run_id: str | None = None, prices: Sequence[Instance] | None = None
) -> None:
    """Write the report of a run, with those before it.

    :param run_id: None for the last run that processed something.
    :raises OutputError: when the folder is no output, or damaged, or has no such run.
    :raises OutputUnwritable: when the page cannot be written.
    """
    choice = read_choice(root, run_id=run_id, prices=prices)
    if choice.shown is None or choice.view is None:
        page = Page("No runs yet", str(root.name), (), (), ())
    else:
        page = build_page(choice.view, choice.shown, choice.lines, choice.prices)
    store_of(path.parent).put_over(path.name, render(page).encode("utf-8", "replace"))


def render(page: Page) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=lambda value: clean_text(value) if type(value) is str else value,
    )
    environment.filters["drawn"] = charts.draw
    environment.filters["scaled"] = scaled
    return environment.get_template("page.html.j2").render(page=page)


def scaled(rows: Sequence[BarRow]) -> list[tuple[BarRow, float, float | None]]:
    """Bars with their lengths and marks in per cent of the longest."""
    longest = max((max(row.value, row.mark or 0.0) for row in rows), default=0.0) or 1.0
    return [
        (
            row,
            round(100 * row.value / longest, 2),
            None if row.mark is None else round(100 * row.mark / longest, 2),
        )
        for row in rows
    ]
