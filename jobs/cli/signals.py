"""Responsible for Ctrl-C and SIGTERM: the first asks a job to stop, the second ends it at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from jobs.config import StopRequest

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """A stop request that signals set while the block runs."""
    stop = StopRequest()

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set:
            os._exit(128 + number)  # workers notice that their parent is gone, and what is committed stays
        stop.set(number)
        click.echo("stopping: committing what is finished; once more to stop at once", err=True)

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
