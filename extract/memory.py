"""Responsible for what a process can say about its own memory."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

_ROLLUP = Path("/proc/self/smaps_rollup")
_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class MemorySplit:
    """Resident memory of a process by whose it is, in bytes."""

    private: int
    """Mapped by this process alone: what would be free if it ended."""
    shared: int
    """Mapped by others too: libraries, and weights that processes of a host share."""
    proportional: int
    """Private memory, and of shared memory the part that falls to each of those who map it (PSS)."""


def read_memory() -> MemorySplit | None:
    """This process's memory now; None where the kernel does not tell."""
    try:
        lines = _ROLLUP.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in lines[1:]}
    names = ("Private_Clean", "Private_Dirty"), ("Shared_Clean", "Shared_Dirty"), ("Pss",)
    private, shared, proportional = (sum(kib.get(name, 0) for name in group) * 1024 for group in names)
    return MemorySplit(private, shared, proportional)


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
