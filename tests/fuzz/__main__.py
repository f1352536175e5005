"""Responsible for the long fuzz: ``python -m tests.fuzz --inputs 1000000 --seed 1 --log fuzz.log``.

Inputs are numbered, and a number with its seed always gives the same input. The log has one line for each
block of inputs that is done; with the same log a stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import multiprocessing.connection
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tests.fuzz.judge import make_input
from tests.fuzz.seeds import Seeds, load_seeds
from tests.fuzz.worker import run_block

BLOCK = 2000
FINE = ("accepted", "refused: ", "read as ")
Report = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What was asked for."""

    inputs: int
    seed: int
    log: Path
    failures: Path
    processes: int


class Campaign:
    """The blocks that are done, those that run, and those to come."""

    def __init__(self, plan: Plan, seeds: Seeds) -> None:
        self._plan = plan
        self._seeds = seeds
        self._reports = _read_log(plan)
        done = {number for report in self._reports for number in range(report["first"], report["end"])}
        self._waiting = [
            (first, end)
            for start in range(0, plan.inputs, BLOCK)
            for first, end in _gaps(done, start, min(start + BLOCK, plan.inputs))
        ]
        self._running: dict[BaseProcess, tuple[int, int, Path]] = {}
        self._context = multiprocessing.get_context("spawn")
        self._started, self._n_before = time.monotonic(), self.n_done

    @property
    def n_done(self) -> int:
        return sum(report["end"] - report["first"] for report in self._reports)

    def run(self) -> Counter[str]:
        """Run every block that is not done; what became of all inputs."""
        while self._waiting or self._running:
            while self._waiting and len(self._running) < self._plan.processes:
                self._start(*self._waiting.pop(0))
            multiprocessing.connection.wait([process.sentinel for process in self._running])
            for process in [process for process in self._running if process.exitcode is not None]:
                self._take(process)
        total: Counter[str] = Counter()
        for report in self._reports:
            total.update(report["outcomes"])
        return total

    def _start(self, first: int, end: int) -> None:
        marker = self._plan.log.with_suffix(f".{first}.block")
        arguments = (self._seeds, self._plan.seed, first, end, marker, self._plan.failures)
        process = self._context.Process(target=run_block, args=arguments)
        process.start()
        self._running[process] = first, end, marker

    def _take(self, process: BaseProcess) -> None:
        first, end, marker = self._running.pop(process)
        said = marker.read_bytes() if marker.exists() else b""
        marker.unlink(missing_ok=True)
        if process.exitcode == 0:
            self._add(json.loads(said))
        elif not said:
            sys.exit(f"a process ended with {process.exitcode} before its first input")
        else:
            self._blame(int(said), first, end, process.exitcode or 0)

    def _blame(self, index: int, first: int, end: int, code: int) -> None:
        """An input killed its process: note it, and do the others of the block again."""
        name = "hang" if -code in (signal.SIGALRM, signal.SIGPROF) else f"process died with {code}"
        self._plan.failures.mkdir(parents=True, exist_ok=True)
        (self._plan.failures / f"died-{index}.input").write_bytes(
            make_input(self._seeds, self._plan.seed, index)
        )
        self._add({"first": index, "end": index + 1, "outcomes": {name: 1}, "n_bytes": 0, "seconds": 0.0})
        self._waiting += [(a, b) for a, b in ((first, index), (index + 1, end)) if a < b]

    def _add(self, report: Report) -> None:
        self._reports.append(report)
        with self._plan.log.open("a") as file:
            file.write(json.dumps({"seed": self._plan.seed, **report}) + "\n")
        rate = (self.n_done - self._n_before) / (time.monotonic() - self._started)
        failed = sum(_failures(report["outcomes"]) for report in self._reports)
        sys.stderr.write(f"{self.n_done} of {self._plan.inputs} inputs, {rate:.0f}/s, {failed} failures\n")


def _failures(outcomes: dict[str, int]) -> int:
    return sum(count for name, count in outcomes.items() if not name.startswith(FINE))


def _read_log(plan: Plan) -> list[Report]:
    if not plan.log.exists():
        return []
    reports = [json.loads(line) for line in plan.log.read_text().splitlines()]
    if any(report["seed"] != plan.seed for report in reports):
        sys.exit(f"{plan.log} is of another seed")
    return reports


def _gaps(done: set[int], first: int, end: int) -> list[tuple[int, int]]:
    """The stretches of a block that are not done."""
    gaps: list[tuple[int, int]] = []
    for number in range(first, end):
        if number in done:
            continue
        if gaps and gaps[-1][1] == number:
            gaps[-1] = gaps[-1][0], number + 1
        else:
            gaps.append((number, number + 1))
    return gaps


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path("fuzz.log"))
    parser.add_argument(
        "--failures", type=Path, help="where inputs that fail are kept; default beside the log"
    )
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    failures = arguments.failures or arguments.log.with_suffix(".failures")
    plan = Plan(arguments.inputs, arguments.seed, arguments.log, failures, arguments.processes)
    total = Campaign(plan, load_seeds()).run()
    sys.stdout.write(json.dumps(dict(total.most_common()), indent=1) + "\n")
    return 1 if _failures(total) else 0


if __name__ == "__main__":
    sys.exit(main())
