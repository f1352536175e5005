"""Responsible for what a worker process can say about itself."""

from __future__ import annotations

import os
import resource
import time
import uuid
from functools import cache

from cluster.cpu import cpu_class as cpu_class


def peak_rss_bytes() -> int:
    """Largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@cache
def process_name() -> str:
    """Tells this process apart from all others, without naming the host."""
    return f"{os.getpid()}-{uuid.uuid4().hex[:8]}"


class StageClock:
    """CPU time between notes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        """Seconds by stage."""
        self._last = time.process_time()

    def note(self, stage: str) -> None:
        """The time since the last note belongs to this stage."""
        now = time.process_time()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now
