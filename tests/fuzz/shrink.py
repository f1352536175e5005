"""Responsible for small examples: takes away what a failure does not need."""

from __future__ import annotations

import time
from collections.abc import Callable


def shrink(data: bytes, fails: Callable[[bytes], bool], *, seconds: float = 3.0) -> bytes:
    """The smallest input found that still fails, by taking away ever smaller pieces while there is time."""
    end = time.monotonic() + seconds
    size = max(len(data) // 2, 1)
    while size and time.monotonic() < end:
        at, is_smaller = 0, False
        while at < len(data) and time.monotonic() < end:
            candidate = data[:at] + data[at + size :]
            if fails(candidate):
                data, is_smaller = candidate, True
            else:
                at += size
        if not is_smaller or size > len(data):
            size //= 2
    return data
