"""How far one run scales: what a shard costs driver and scheduler, measured, and a simulation with that.

    python benchmarks/bench_scaling.py [INPUT...] [--citations 40901984] [--shard 5000] [--model NAME]
    python benchmarks/bench_scaling.py --costs-ms 5.7,4.9,0.88      # simulate only, with costs known already

The measurement runs the real job over the inputs, cut into shards of one citation and into few, on a cluster
whose scheduler is a process of its own. The difference in CPU time of the driver's and of the scheduler's
process, by the difference in shards, is what a shard costs each of them, commits with all their syncing
included; and what the workers used says what a citation costs. CPU time, so that a busy machine does not
change it much.

The simulation lets workers take shards whose times scatter, with driver and scheduler as servers that do
one thing at a time. It knows nothing of slow disks and networks.
"""

from __future__ import annotations

import argparse
import heapq
import os
import random
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
WORKERS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
SCATTER = 0.15
"""Standard deviation of a shard's time by its mean."""
FEW = 101
"""Citations a shard of the run with few shards."""


@dataclass(frozen=True)
class Costs:
    """CPU seconds."""

    driver: float
    """Of the driver, a shard."""
    scheduler: float
    """Of the scheduler, a shard."""
    citation: float
    """Of a worker, a citation."""


@dataclass(frozen=True)
class Used:
    """What a run used."""

    shards: int
    citations: int
    driver: float
    scheduler: float
    workers: float


def measure(inputs: tuple[str, ...], model: str) -> Costs:
    """Costs on this machine."""
    with tempfile.TemporaryDirectory() as folder, Scheduler() as scheduler:
        used = [run(inputs, model, Path(folder) / str(size), size, scheduler) for size in (FEW, FEW, 1)]
    few, many = used[1:]  # the first run opened the model in every worker
    shards = many.shards - few.shards
    return Costs(
        (many.driver - few.driver) / shards,
        (many.scheduler - few.scheduler) / shards,
        few.workers / few.citations,
    )


def run(inputs: tuple[str, ...], model: str, out: Path, size: int, scheduler: Scheduler) -> Used:
    """The job, with so many citations a shard."""
    from cluster import ClusterConfig
    from jobs.config import JobConfig
    from jobs.model import find_model
    from jobs.run import run_job

    before = scheduler.cpu_seconds()
    config = JobConfig(
        inputs=inputs,
        out=out if not out.exists() else out.with_name(f"{out.name}-again"),
        model=find_model(model),
        cluster=ClusterConfig(scheduler=scheduler.address),
        slice_records=size,
    )
    report = run_job(config)
    return Used(
        report.tally.n_shards,
        report.tally.n_citations,
        report.driver_cpu_seconds,
        scheduler.cpu_seconds() - before,
        report.tally.cpu_seconds,
    )


class Scheduler:
    """``extract cluster start``: a scheduler in a process of its own, and two workers."""

    def __enter__(self) -> Scheduler:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from jobs.cli import main; main()", "cluster", "start", "--workers", "2"],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()

    def cpu_seconds(self) -> float:
        """CPU time that its process has used so far."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        user, system = map(int, text.rpartition(")")[2].split()[11:13])
        return (user + system) / os.sysconf("SC_CLK_TCK")


def simulate(n_shards: int, n_workers: int, shard_seconds: float, costs: Costs) -> float:
    """Seconds until all shards are committed, when driver and scheduler each do one thing at a time."""
    dice = random.Random(1)
    times = [max(0.1, dice.gauss(shard_seconds, SCATTER * shard_seconds)) for _ in range(n_shards)]
    driver_free = scheduler_free = 0.0
    ends: list[float] = []
    for index in range(min(n_workers, n_shards)):  # the driver sends out a window full at the start
        driver_free += costs.driver / 2
        scheduler_free = max(scheduler_free, driver_free) + costs.scheduler / 2
        heapq.heappush(ends, scheduler_free + times[index])
    sent = len(ends)
    while ends:
        end = heapq.heappop(ends)
        scheduler_free = max(scheduler_free, end) + costs.scheduler
        driver_free = max(driver_free, scheduler_free) + costs.driver  # commits, and sends out the next
        if sent < n_shards:
            heapq.heappush(ends, driver_free + times[sent])
            sent += 1
    return driver_free


def show(costs: Costs, n_citations: int, shard: int) -> None:
    """The measured costs and the table of the simulation."""
    seconds = costs.citation * shard
    n_shards = -(-n_citations // shard)
    print(
        f"driver {costs.driver * 1e3:.1f} ms a shard, scheduler {costs.scheduler * 1e3:.1f} ms a shard, "
        f"worker {costs.citation * 1e3:.2f} ms a citation; {n_shards:,} shards of {seconds:.0f} s\n"
    )
    print("| workers | hours | efficiency | driver busy |\n|---:|---:|---:|---:|")
    for n_workers in WORKERS:
        wall = simulate(n_shards, n_workers, seconds, costs)
        ideal = n_shards * seconds / n_workers
        busy = n_shards * costs.driver / wall
        print(f"| {n_workers:,} | {wall / 3600:,.3f} | {ideal / wall:.1%} | {busy:.1%} |")
    print(f"\nThe driver alone could commit the shards of {seconds / costs.driver:,.0f} workers.")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("inputs", nargs="*", default=[str(REPOSITORY / "examples" / "sample")])
    parser.add_argument("--citations", type=int, default=40_901_984, help="of the corpus to simulate")
    parser.add_argument("--shard", type=int, default=5000, help="citations a shard of it")
    parser.add_argument("--model", default="pruned25-int8")
    parser.add_argument("--costs-ms", metavar="DRIVER,SCHEDULER,CITATION", help="do not measure, take these")
    given = parser.parse_args()
    if given.costs_ms is None:
        costs = measure(tuple(given.inputs), given.model)
    else:
        costs = Costs(*(float(text) / 1e3 for text in given.costs_ms.split(",")))
    show(costs, given.citations, given.shard)


if __name__ == "__main__":
    main()
