"""Responsible for the progress bar, on stderr and only where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from jobs.cli.failure import printable
from jobs.config import Listener, Silence


class _Rate(ProgressColumn):
    """Citations a second."""

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text("" if rate is None or task.total is None else f"{rate:,.0f} {task.fields['unit']}/s")


class Bar(Silence):
    """A listener that draws a bar for the check of new files and one for the citations."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._check: TaskID | None = None
        self._citations: TaskID | None = None

    def checking(self, n_files: int) -> None:
        self._check = self._progress.add_task("checking files", total=n_files, unit="files")

    def checked(self) -> None:
        if self._check is not None:
            self._progress.advance(self._check)

    def planned(self, n_records: int, n_done: int) -> None:
        if n_done < n_records:
            self._citations = self._progress.add_task(
                "citations", total=n_records, completed=n_done, unit="citations"
            )

    def committed(self, n_records: int) -> None:
        if self._citations is not None:
            self._progress.advance(self._citations, n_records)

    def note(self, text: str) -> None:
        self._progress.console.print(Text(printable(text)))


class Notes(Silence):
    """A listener that only tells what a person should know."""

    def note(self, text: str) -> None:
        click.echo(printable(text), err=True)


@contextmanager
def shown_progress() -> Iterator[Listener]:
    """A listener that shows a bar if stderr is a terminal, else only notes."""
    if not sys.stderr.isatty():
        yield Notes()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress)
