"""Responsible for what a report is about: a run of an output, those before it, and prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from extract.commits import read_commits
from extract.errors import NotAnOutput
from extract.place import Place
from jobs.prices import Instance, read_prices
from jobs.report import RunLine, read_report
from jobs.run_view import RunView, read_run_view


@dataclass(frozen=True)
class Choice:
    """A run and what it is compared with."""

    lines: Sequence[RunLine]
    """All runs up to the one that is shown, oldest first."""
    shown: RunLine | None
    """None for an output without runs."""
    view: RunView | None
    prices: Sequence[Instance]


def read_choice(
    root: Place, *, run_id: str | None = None, prices: Sequence[Instance] | None = None
) -> Choice:
    """A run of an output, by its id or the number it begins with; None for the last that processed something.

    :raises NotAnOutput: when the folder is no output, or has no such run.
    :raises OutputError: when it is damaged.
    """
    lines = read_report(root)
    shown = _find(root, lines, run_id)
    if shown is None:
        return Choice(lines, None, None, prices or ())
    before = [line for line in lines if run_id is None or line.run_id <= shown.run_id]
    view = read_run_view(root, shown.run_id, read_commits(root).values())
    return Choice(before, shown, view, read_prices() if prices is None else prices)


def _find(root: Place, lines: Sequence[RunLine], run_id: str | None) -> RunLine | None:
    if run_id is None:
        busy = [line for line in lines if line.tally.n_citations]
        candidates = busy or lines
        return candidates[-1] if candidates else None
    for line in lines:
        number = line.run_id.partition("-")[0]
        if run_id in (line.run_id, number, number.lstrip("0")):
            return line
    known = f"one of {len(lines)}, see `extract report {root}`" if lines else "none: nothing was run yet"
    raise NotAnOutput("no such run", str(root), run_id, known)
