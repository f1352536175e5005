"""The whole job, end to end: `extract run` over given inputs, with one worker and with all, beside a peer.

    python benchmarks/bench_job.py INPUT... [--model NAME] [--repeats 3] [--workers 1 2] [--no-gate]
                                   [--peer CHECKPOINT --peer-citations 300]

Every round runs each contestant once into a new, empty folder, so that a machine that grows slower slows
all of them; medians are printed as a Markdown table. The time of a run is what a user waits: from the start
of the program to its end, start-up, model check, commits and report included.

The peer is Hugging Face's token classification pipeline in fp32, batch 16, on all cores, with the
dense checkpoint of the same model, over the sentences of the first citations of the same inputs. It is handed
the sentences, so reading and splitting cost it nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
EXTRACT = [sys.executable, "-c", "from jobs.cli import main; main()"]


@dataclass(frozen=True)
class Round:
    """One run of one contestant."""

    seconds: float
    """From the start of the program to its end."""
    citations: int
    tokens: int
    peak_rss_bytes: int
    """Of all processes of the contestant together."""


def run_job(inputs: Sequence[str], options: Sequence[str]) -> Round:
    """Run the job once into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*EXTRACT, "run", *inputs, "--out", folder, "--json", *options]
        seconds, report = timed(command)
    return Round(seconds, report["citations"], report["tokens"], report["peak_rss_bytes"])


def run_peer(inputs: Sequence[str], checkpoint: str, n_citations: int) -> Round:
    command = [sys.executable, str(HERE / "peer_pipeline.py"), checkpoint, str(n_citations), *inputs]
    _, report = timed(command)
    return Round(**report)


def timed(command: Sequence[str]) -> tuple[float, dict[str, Any]]:
    """Run a command that prints one JSON object; its wall time in seconds, and the object."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        sys.exit(f"{' '.join(command[:6])} ... ended with {done.returncode}:\n{done.stderr}")
    return seconds, json.loads(done.stdout)


def print_table(rounds: dict[str, list[Round]], usd_per_hour: float) -> None:
    first = median_rate(next(iter(rounds.values())))
    columns = ["contestant", "citations", "citations/s, median", "least to most", "tokens/s"]
    columns += ["peak MB, all processes", "USD per million citations", "times the first row"]
    print_row(columns)
    print_row(["---"] * len(columns))
    for name, values in rounds.items():
        rates = [value.citations / value.seconds for value in values]
        rate = median_rate(values)
        cells = [name, f"{values[0].citations:,}", f"{rate:,.1f}", f"{min(rates):,.1f} to {max(rates):,.1f}"]
        cells += [f"{statistics.median(value.tokens / value.seconds for value in values):,.0f}"]
        cells += [f"{max(value.peak_rss_bytes for value in values) / 1e6:,.0f}"]
        print_row([*cells, f"{1e6 / rate / 3600 * usd_per_hour:,.2f}", f"{rate / first:,.1f}"])


def print_row(cells: Sequence[str]) -> None:
    print("| " + " | ".join(cells) + " |")


def median_rate(rounds: Sequence[Round]) -> float:
    return statistics.median(value.citations / value.seconds for value in rounds)


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", nargs="+", help="files, folders and globs, as `extract run` takes them")
    parser.add_argument("--model", default="pruned25-int8")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--no-gate", action="store_true", help="also run with every sentence tagged")
    parser.add_argument("--peer", metavar="CHECKPOINT", help="dense checkpoint folder for the pipeline")
    parser.add_argument("--peer-citations", type=int, default=300, help="citations for the peer; it is slow")
    parser.add_argument("--price-per-hour", type=float, default=0.096, help="USD for the machine")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    rounds: dict[str, list[Round]] = {}
    for _ in range(options.repeats):
        if options.peer:
            name = "Hugging Face pipeline, fp32, batch 16"
            rounds.setdefault(name, []).append(run_peer(options.inputs, options.peer, options.peer_citations))
        for gate in ([], ["--no-gate"]) if options.no_gate else ([],):
            for workers in options.workers:
                name = f"`extract run`, {options.model}, {workers} worker(s)" + (", no gate" if gate else "")
                arguments = ["--model", options.model, "--workers", str(workers), *gate]
                rounds.setdefault(name, []).append(run_job(options.inputs, arguments))
    print_table(rounds, options.price_per_hour)


if __name__ == "__main__":
    main()
