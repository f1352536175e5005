"""Responsible for the report as a web page: one file, no script, nothing loaded from elsewhere.

All texts pass through Jinja's autoescape, and the page forbids itself everything but its own styles, so
that nothing in an input (ids, file names, reasons) can act in a reader's browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from extract.commits import read_commits
from extract.errors import OutputError
from jobs import charts
from jobs.durable import put_over
from jobs.prices import Instance, read_prices
from jobs.report import read_report
from jobs.report_sections import Page, build_page
from jobs.run_view import read_run_view

_TEMPLATES = Path(__file__).parent / "templates"


def write_report_page(
    root: Path, path: Path, *, run_id: str | None = None, prices: Sequence[Instance] | None = None
) -> None:
    """Write the report of a run, with those before it.

    :param run_id: None for the last run that processed something.
    :raises OutputError: when the folder is no output, or damaged, or has no such run.
    :raises OutputUnwritable: when the page cannot be written.
    """
    lines = [entry for entry in read_report(root) if run_id is None or entry.run_id <= run_id]
    busy = [entry for entry in lines if entry.tally.n_citations]
    if run_id is not None and run_id not in {entry.run_id for entry in lines}:
        raise OutputError("no such run", str(root), run_id, "a run of `extract report`")
    candidates = [entry for entry in lines if entry.run_id == run_id] or busy or lines
    if not candidates:
        page = Page("No runs yet", str(root.name), (), (), ())
    else:
        shown = candidates[-1]
        view = read_run_view(root, shown.run_id, read_commits(root).values())
        page = build_page(view, shown, lines, read_prices() if prices is None else prices)
    put_over(path, render(page).encode("utf-8", "replace"))


def render(page: Page) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("page.html.j2").render(
        page=page,
        width=charts.WIDTH,
        label_width=charts.LABEL_WIDTH,
        row_height=charts.ROW_HEIGHT,
        plot_height=charts.PLOT_HEIGHT,
        margin=charts.MARGIN,
    )
