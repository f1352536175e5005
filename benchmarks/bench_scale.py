"""Whether the job stays as quick and as small when the corpus grows: one run for each of some corpora.

    python benchmarks/bench_scale.py FOLDER... [--model NAME] [--workers 2] [--svg FILE]

Give corpora of growing size (make_corpus.py makes them). Each run has a process of its own, which is watched
once a second: it is the driver, and with local workers also holds Dask's scheduler and the workers' nannies.

The extrapolation is the line through the two largest runs. Its error is measured where it can be: what the
line through all but the largest run said of the largest, beside what that took.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

TENTHS = 10
COLUMNS = (
    "citations",
    "wall, s",
    "citations/s",
    "intake, s",
    "driver's CPU, of wall",
    "driver MB: early / last / peak",
    "commit ms: median / worst",
    "worker MB: first shard / last",
    "workers idle between shards",
    "last worker alone, s",
)


class Watch:
    """Looks at this process once a second."""

    def __init__(self) -> None:
        self.rss: list[int] = []
        """Bytes resident, once a second."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
            self.rss.append(int(pages) * 4096)


def run_one(folder: str, model: str, workers: int, out: str) -> dict[str, Any]:
    """The job over a corpus, in this process."""
    from cluster import ClusterConfig
    from jobs import work
    from jobs.config import JobConfig, Silence
    from jobs.model import find_model
    from jobs.run import run_job

    started = time.monotonic()
    commits: list[dict[str, Any]] = []
    planned: list[float] = []
    publish = work.publish

    def publish_timed(root: Path, shard: Any, receipt: Any, **rest: Any) -> Any:
        begin = time.monotonic()
        record = publish(root, shard, receipt, **rest)
        end = time.monotonic()
        told = {"end": end - started, "seconds": end - begin, "worker": receipt.worker}
        told |= {
            "citations": receipt.n_citations,
            "busy": receipt.wall_seconds,
            "rss": receipt.peak_rss_bytes,
        }
        commits.append(told)
        return record

    class Ear(Silence):
        def planned(self, n_records: int, n_done: int) -> None:
            planned.append(time.monotonic() - started)

    work.publish = publish_timed
    config = JobConfig((folder,), Path(out), find_model(model), ClusterConfig(n_workers=workers))
    with Watch() as watch:
        report = run_job(config, listener=Ear())
    if report.stopped_by is not None:
        sys.exit(str(report.stopped_by))
    return {
        "citations": report.tally.n_citations,
        "wall": time.monotonic() - started,
        "driver_cpu": time.process_time(),
        "planned": planned[0],
        "workers": workers,
        "rss": watch.rss,
        "commits": commits,
    }


def summary(run: dict[str, Any]) -> dict[str, float]:
    """What a run's record comes to."""
    commits, wall = run["commits"], run["wall"]
    last: dict[str, float] = {}
    rss: dict[str, list[int]] = {}
    for commit in commits:
        last[commit["worker"]] = commit["end"]
        rss.setdefault(commit["worker"], []).append(commit["rss"])
    span = commits[-1]["end"] - run["planned"]
    early = run["rss"][len(run["rss"]) // TENTHS :] or run["rss"]
    return {
        "citations": run["citations"],
        "wall": wall,
        "rate": run["citations"] / wall,
        "intake": run["planned"],
        "driver_share": run["driver_cpu"] / wall,
        "driver_first": early[0],
        "driver_last": run["rss"][-1],
        "driver_peak": max(run["rss"]),
        "commit_median": statistics.median(commit["seconds"] for commit in commits),
        "commit_worst": max(commit["seconds"] for commit in commits),
        "worker_first": max(values[0] for values in rss.values()),
        "worker_last": max(values[-1] for values in rss.values()),
        "idle": 1 - sum(commit["busy"] for commit in commits) / (span * run["workers"]),
        "tail": max(last.values()) - min(last.values()),
    }


def print_table(runs: list[dict[str, Any]]) -> None:
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---:|" * len(COLUMNS))
    for run in runs:
        s = summary(run)
        cells = [f"{s['citations']:,.0f}", f"{s['wall']:,.1f}", f"{s['rate']:,.0f}", f"{s['intake']:,.1f}"]
        cells += [f"{s['driver_share']:.1%}"]
        cells += [" / ".join(f"{s[f'driver_{name}'] / 1e6:,.0f}" for name in ("first", "last", "peak"))]
        cells += [f"{s['commit_median'] * 1e3:.1f} / {s['commit_worst'] * 1e3:.1f}"]
        cells += [f"{s['worker_first'] / 1e6:,.0f} / {s['worker_last'] / 1e6:,.0f}"]
        print("| " + " | ".join([*cells, f"{s['idle']:.1%}", f"{s['tail']:.1f}"]) + " |")


def line(first: dict[str, Any], second: dict[str, Any], citations: float) -> float:
    """Wall seconds for so many citations, on the line through two runs."""
    slope = (second["wall"] - first["wall"]) / (second["citations"] - first["citations"])
    return float(second["wall"] + slope * (citations - second["citations"]))


def print_extrapolation(runs: list[dict[str, Any]], citations: int) -> None:
    """Hours for a whole corpus, and how far such a guess was off where that is known."""
    if len(runs) < 2:
        return
    hours = line(runs[-2], runs[-1], citations) / 3600
    print(f"\n{citations:,} citations: {hours:,.2f} hours")
    if len(runs) > 2:
        guess = line(runs[-3], runs[-2], runs[-1]["citations"])
        print(
            f"the same way the two runs before the last foretold {guess:,.0f} s for the last, which took "
            f"{runs[-1]['wall']:,.0f} s: {guess / runs[-1]['wall'] - 1:+.1%}"
        )
    rates = rates_over_time(runs[-1])
    spread = statistics.stdev(rates) / statistics.mean(rates)
    print(
        f"citations/s in tenths of the last run: {', '.join(f'{rate:,.0f}' for rate in rates)} "
        f"(standard deviation {spread:.1%})"
    )


def rates_over_time(run: dict[str, Any]) -> list[float]:
    """Citations committed a second, in tenths of the time in which shards were processed."""
    begin, end = run["planned"], run["commits"][-1]["end"]
    width = (end - begin) / TENTHS
    counts = [0.0] * TENTHS
    for commit in run["commits"]:
        # A shard's citations are spread over the time that it took.
        for tenth in range(TENTHS):
            low, high = begin + tenth * width, begin + (tenth + 1) * width
            shared = min(high, commit["end"]) - max(low, commit["end"] - commit["busy"])
            if shared > 0:
                counts[tenth] += commit["citations"] * shared / commit["busy"]
    return [count / width for count in counts]


def plot(run: dict[str, Any], path: Path) -> None:
    """Rate and driver memory over the time of a run, as a plain SVG."""
    rates, rss = rates_over_time(run), [value / 1e6 for value in run["rss"]]
    minutes = run["wall"] / 60
    width, height, left, top = 640, 200, 60, 24

    def points(values: list[float], most: float, offset: float) -> str:
        step = width / max(len(values) - 1, 1)
        return " ".join(
            f"{left + i * step:.1f},{offset + height - value / most * height:.1f}"
            for i, value in enumerate(values)
        )

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 20} {2 * (height + 60)}" '
        'font-family="sans-serif" font-size="12">'
    ]
    for index, (title, values) in enumerate((("citations/s", rates), ("driver's memory, MB", rss))):
        most, offset = max(values) * 1.15, top + index * (height + 60)
        parts.append(f'<text x="{left}" y="{offset - 8}">{title}, over {minutes:.0f} minutes</text>')
        for share in (0.0, 0.5, 1.0):
            y = offset + height * (1 - share)
            parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y}" y2="{y}" stroke="#ccc"/>')
            parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{most * share:,.0f}</text>')
        line_points = points(values, most, offset)
        parts.append(f'<polyline points="{line_points}" fill="none" stroke="#0b6e99" stroke-width="2"/>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")


def run_apart(folder: str, options: argparse.Namespace) -> dict[str, Any]:
    """The same in a process of its own."""
    with tempfile.TemporaryDirectory(dir=options.scratch) as out:
        command = [sys.executable, __file__, folder, "--model", options.model, "--one", out]
        done = subprocess.run(
            [*command, "--workers", str(options.workers)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        sys.exit(f"{folder}: ended with {done.returncode}:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", help="corpora, smallest first")
    parser.add_argument("--model", default="pruned25-int8")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--citations", type=int, default=40_901_984, help="of the corpus to extrapolate to")
    parser.add_argument("--svg", type=Path, help="where to draw the largest run")
    parser.add_argument("--save", type=Path, help="where to keep the runs' records, as JSON")
    parser.add_argument("--scratch", help="where outputs are written, and removed")
    parser.add_argument("--one", metavar="OUT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        json.dump(run_one(options.folders[0], options.model, options.workers, options.one), sys.stdout)
        return
    runs = [run_apart(folder, options) for folder in options.folders]
    if options.save:
        options.save.write_text(json.dumps(runs), encoding="utf-8")
    print_table(runs)
    print_extrapolation(runs, options.citations)
    if options.svg:
        plot(runs[-1], options.svg)


if __name__ == "__main__":
    main()
