"""Responsible for counting the cores that this process may use."""

from __future__ import annotations

import os
from pathlib import Path


def count_cores() -> int:
    """Physical cores that this process may use: hyper-threads, affinity and container limits considered."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    topology = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/topology/thread_siblings_list")
    physical = len({path.read_text(encoding="ascii") for path in topology})  # siblings share one list
    return max(1, min(physical or allowed, allowed, _cgroup_cores() or allowed))


def _cgroup_cores() -> int | None:
    """Whole cores of the container's quota; None without one."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else max(1, int(quota) // int(period))
