"""Responsible for telling a worker process that crashed from a whole host, or job, that is gone.

A crash may be the fault of what the worker was doing; preemption and a pulled cable never are. Each worker
process has a nanny, which outlives a crash and starts a new process, but not the end of its job or host.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from distributed import Client

from cluster.config import LOOPBACK

SETTLE_SECONDS = 3.0
"""When a job is ended or a cut-off host is back, worker and nanny end within moments, in any order."""
ANSWER_SECONDS = 3.0


def is_gone(client: Client, nanny: str | None) -> bool:
    """Whether the nanny of a worker that died is gone too, as seen from the scheduler; False if in doubt."""
    if nanny is None or urlsplit(nanny).hostname in LOOPBACK:  # on this machine: it is here as long as we are
        return False
    try:
        return not client.run_on_scheduler(_accepts, nanny)
    except (OSError, RuntimeError, ImportError, TimeoutError):
        return False


async def _accepts(address: str) -> bool:
    """Whether something still accepts connections there; runs in the scheduler, which reaches all hosts."""
    await asyncio.sleep(SETTLE_SECONDS)
    parts = urlsplit(address)
    try:
        _, writer = await asyncio.wait_for(
            asyncio.open_connection(parts.hostname, parts.port), ANSWER_SECONDS
        )
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
