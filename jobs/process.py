"""Responsible for what a worker process can say about itself."""

from __future__ import annotations

import os
import platform
import resource
import uuid
from functools import cache
from pathlib import Path

_INTEGER_KERNELS = ("amx_int8", "avx512_vnni", "avx_vnni", "avx512bw", "avx2", "asimddp", "i8mm")


def peak_rss_bytes() -> int:
    """Largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@cache
def process_name() -> str:
    """Tells this process apart from all others, without naming the host."""
    return f"{os.getpid()}-{uuid.uuid4().hex[:8]}"


@cache
def cpu_class() -> str:
    """The processor as far as it decides which integer kernels run: architecture and instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    flags = set(next((line for line in lines if line.startswith(("flags", "Features"))), "").split())
    return " ".join([platform.machine(), *(name for name in _INTEGER_KERNELS if name in flags)])
