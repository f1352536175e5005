"""Responsible for a block of inputs in one process that may die of any of them.

Before each input its number is written to a shared place, so that the parent knows which one killed the
process: by a crash, by a timer (see :data:`LONGEST_SECONDS`), or by memory.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.judge import judge_input, make_input
from tests.fuzz.seeds import Seeds
from tests.fuzz.shrink import shrink

LONGEST_SECONDS = 5
"""CPU time that one input may take; a hundred times as long on the clock, for the machine may be busy."""
MEMORY_BYTES = 2 << 30
_NAME = "pubmed26n0001.xml"
_KEPT = 5
"""So many examples of one failure are kept from a block."""


def run_block(seeds: Seeds, seed: int, first: int, end: int, marker: Path, failures: Path) -> None:
    """Judge inputs ``[first, end)`` and write what became of them to ``marker``."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    tally: Counter[str] = Counter()
    n_bytes, started, parent = 0, time.perf_counter(), os.getppid()
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    descriptor = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        for index in range(first, end):
            if os.getppid() != parent:
                return  # nobody would read what comes of it
            os.pwrite(descriptor, b"%020d" % index, 0)
            _set_limit(LONGEST_SECONDS)
            data = make_input(seeds, seed, index)
            n_bytes += len(data)
            outcome = judge_input(data, folder / _NAME, index)
            tally[outcome.name] += 1
            if outcome.is_failure and tally[outcome.name] <= _KEPT:
                _set_limit(0)
                keep_failure(data, outcome.name, outcome.detail, index, folder / _NAME, failures)
        _set_limit(0)
    finally:
        shutil.rmtree(folder)
    report = {
        "first": first,
        "end": end,
        "outcomes": dict(tally),
        "n_bytes": n_bytes,
        "seconds": round(time.perf_counter() - started, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    }
    os.pwrite(descriptor, json.dumps(report).encode() + b"\n", 0)
    os.close(descriptor)


def _set_limit(seconds: int) -> None:
    """End the process after that long, even inside a parser written in C; 0 takes the limit away."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(100 * seconds)


def keep_failure(data: bytes, name: str, detail: str, index: int, path: Path, failures: Path) -> None:
    """Save an input that failed, as it was and as small as it becomes."""
    failures.mkdir(parents=True, exist_ok=True)
    slug = "".join(letter if letter.isalnum() else "-" for letter in name)[:60]
    stem = failures / f"{slug}-{index}"
    stem.with_suffix(".input").write_bytes(data)
    small = shrink(data, lambda candidate: judge_input(candidate, path, index).name == name)
    stem.with_suffix(".small").write_bytes(small)
    stem.with_suffix(".txt").write_text(f"{name}\n{detail}\n")
    sys.stderr.write(f"{name}: {stem}.small ({len(small)} bytes)\n")
