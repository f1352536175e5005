"""Responsible for having imported what the command and its workers import, before a process is forked.

Nine tenths of the time of a small run are imports. A process that is forked from one that has done them
runs the same code, and can be killed ten times as often.
"""

from __future__ import annotations

import jobs.carry
import jobs.cli.progress
import jobs.cli.run
import jobs.cli.signals
import jobs.dispatch
import jobs.remote
import jobs.report_page
import jobs.run
import jobs.shard
import jobs.work

__all__ = ["jobs"]


def dask_setup(_nanny: object) -> None:
    """Have the workers of this nanny forked from a server that has imported all this; called by Dask."""
    from distributed.utils import get_mp_context

    get_mp_context().set_forkserver_preload(["distributed", __name__])
