"""Responsible for what a process can say about its own memory."""

from __future__ import annotations

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_rss_bytes() -> int:
    """Largest resident memory of this program so far, in bytes.

    Linux hands ``ru_maxrss`` on to a program that another starts, so a small process started by a large one
    would report the large one's; the kernel's high-water mark is this program's own.
    """
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    marks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return (marks[0] if marks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * 1024


def reset_peak_rss() -> None:
    """Begin a new high-water mark; where the kernel does not allow it, the old one stays."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return
