"""Responsible for naming a processor as far as it decides which integer kernels run."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

_INTEGER_KERNELS = ("amx_int8", "avx512_vnni", "avx_vnni", "avx512bw", "avx2", "asimddp", "i8mm")


@cache
def cpu_class() -> str:
    """Architecture and instruction sets of this machine, such as ``x86_64 avx512_vnni avx512bw avx2``."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    flags = set(next((line for line in lines if line.startswith(("flags", "Features"))), "").split())
    return " ".join([platform.machine(), *(name for name in _INTEGER_KERNELS if name in flags)])
