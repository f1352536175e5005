"""Responsible for workers leaving Ctrl-C to their driver. Dask loads this module in every worker it starts.

A terminal sends the signal to all processes of the group; the driver stops the workers when it is ready.
"""

from __future__ import annotations

import signal


def dask_setup(_worker: object) -> None:
    """Ignore SIGINT from now on; called in the worker's main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
