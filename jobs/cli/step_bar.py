"""Responsible for the progress of a training on stderr: a bar where that is a terminal, and lines between."""

from __future__ import annotations

from typing import Protocol, Self


class Steps(Protocol):
    """Where a training stands."""

    @property
    def step(self) -> int: ...

    @property
    def n_steps(self) -> int: ...


class StepBar:
    """A bar of steps; use as a context manager.

    :param what: stands before the bar until the first step.
    """

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} steps"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task(self._what, total=None)
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def move(self, steps: Steps, description: str) -> None:
        """Show how far it is, with these words before the bar."""
        self._progress.update(self._task, completed=steps.step, total=steps.n_steps, description=description)

    def tell(self, line: str) -> None:
        """A line of its own, above the bar."""
        self._progress.console.print(line, highlight=False)
