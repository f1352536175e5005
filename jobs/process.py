"""Responsible for what a worker process can say about itself."""

from __future__ import annotations

import os
import time
import uuid
from functools import cache
from pathlib import Path

from cluster.cpu import cpu_class as cpu_class
from extract.memory import peak_rss_bytes as peak_rss_bytes


def private_bytes() -> int | None:
    """Memory that only this process has, neither mapped from a file nor shared; None where it is not told."""
    try:
        lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Anonymous:")), None)


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
