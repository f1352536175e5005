"""The whole job, end to end: `extract run` over given inputs, with one worker and with all, beside its peers.

    python benchmarks/bench_job.py INPUT... [--model NAME] [--repeats 3] [--workers 1 2] [--no-gate] [--bare]
                                   [--peer CHECKPOINT] [--spacy PYTHON] [--peer-citations 300]

Every round runs each contestant once, runs into a new, empty folder, so that a machine that grows slower
slows all of them; medians are printed as Markdown tables. The time of a run is what a user waits: from the
start of the program to its end, start-up, model check, commits and report included. The second table says
where the processors' time goes.

--bare  the model alone over the same sentences, in as many processes as the run has workers, reading, gate
        and loading not timed (bare_model.py): the third table is what the whole job takes beyond that.
--peer  Hugging Face's token classification pipeline in fp32, batch 16, on all cores, with the dense
        checkpoint of the same model, over the sentences of the first citations of the same inputs. It is
        handed the sentences, so reading and splitting cost it nothing, nor does loading.
--spacy an interpreter with spaCy: its small NER pipeline with the same labels, untrained, for its speed
        alone. Handed the sentences likewise.
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
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extract.commits import read_commits

HERE = Path(__file__).resolve().parent
EXTRACT = [sys.executable, "-c", "from jobs.cli import main; main()"]
PEER = "Hugging Face pipeline, fp32, batch 16"
SPACY = "spaCy, its small NER (untrained), {} process(es)"


@dataclass(frozen=True)
class Round:
    """One run of one contestant."""

    seconds: float
    """From the start of the program to its end."""
    citations: int
    tokens: int
    peak_rss_bytes: int
    """Of all processes of the contestant together."""
    cpu_seconds: float | None = None
    stages: dict[str, float] = field(default_factory=dict)
    """CPU seconds by stage, of all workers together; ``intake and driver`` is the rest."""


def run_job(inputs: Sequence[str], options: Sequence[str]) -> Round:
    """Run the job once into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*EXTRACT, "run", *inputs, "--out", folder, "--json", *options]
        seconds, report = timed(command)
        stages: Counter[str] = Counter()
        for commit in read_commits(Path(folder)).values():
            stages.update(commit.stage_seconds)
    cpu = report["cpu_seconds"]
    stages["intake and driver"] = cpu - stages.total()
    return Round(seconds, report["citations"], report["tokens"], report["peak_rss_bytes"], cpu, dict(stages))


def run_script(name: str, *arguments: object, python: str = sys.executable) -> Round:
    """Run one of the scripts beside this one, which times itself."""
    _, report = timed([python, str(HERE / name), *map(str, arguments)])
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


def print_stages(rounds: dict[str, list[Round]]) -> None:
    """Microseconds of processor time a citation, by stage; medians."""
    runs = {name: values for name, values in rounds.items() if values[0].stages}
    stages = list(dict.fromkeys(stage for values in runs.values() for stage in values[0].stages))
    print_row(["microseconds of CPU a citation", *stages, "all"])
    print_row(["---"] * (len(stages) + 2))
    for name, values in runs.items():
        cells = [
            statistics.median(value.stages.get(stage, 0.0) / value.citations * 1e6 for value in values)
            for stage in stages
        ]
        print_row([name, *(f"{cell:,.0f}" for cell in cells), f"{sum(cells):,.0f}"])


def print_overhead(rounds: dict[str, list[Round]], pairs: dict[str, str]) -> None:
    """What the whole job takes beyond the bare model, round by round; medians."""
    print_row(["run", "beyond the bare model, wall", "beyond the bare model, CPU"])
    print_row(["---"] * 3)
    for name, bare in pairs.items():
        both = list(zip(rounds[name], rounds[bare], strict=True))
        wall = statistics.median(job.seconds / alone.seconds - 1 for job, alone in both)
        cpu = statistics.median(
            (job.cpu_seconds or 0.0) / (alone.cpu_seconds or 1.0) - 1 for job, alone in both
        )
        print_row([name, f"{wall:.1%}", f"{cpu:.1%}"])


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
    parser.add_argument("--gate", choices=("on", "off", "both"), default="on")
    parser.add_argument("--no-gate", dest="gate", action="store_const", const="both", help="the same as both")
    parser.add_argument("--bare", action="store_true", help="also the model alone on the same sentences")
    parser.add_argument("--peer", metavar="CHECKPOINT", help="dense checkpoint folder for the pipeline")
    parser.add_argument("--spacy", metavar="PYTHON", help="an interpreter that has spaCy and this package")
    parser.add_argument(
        "--peer-citations", type=int, default=300, help="citations for the peers; they are slow"
    )
    parser.add_argument("--price-per-hour", type=float, default=0.096, help="USD for the machine")
    return parser.parse_args()


def contestants(options: argparse.Namespace) -> tuple[dict[str, Callable[[], Round]], dict[str, str]]:
    """Everything to be run in a round, by name; and for each run the bare model it is held against."""
    inputs, found, pairs = options.inputs, {}, {}
    if options.peer:
        found[PEER] = lambda: run_script("peer_pipeline.py", options.peer, options.peer_citations, *inputs)
    for workers in options.workers:
        if options.spacy:
            found[SPACY.format(workers)] = lambda workers=workers: run_script(
                "peer_spacy.py", workers, options.peer_citations, *inputs, python=options.spacy
            )
    for gate in {"on": [True], "off": [False], "both": [True, False]}[options.gate]:
        for workers in options.workers:
            suffix = f"{options.model}, {workers} worker(s)" + ("" if gate else ", no gate")
            arguments = [
                "--model",
                options.model,
                "--workers",
                str(workers),
                *([] if gate else ["--no-gate"]),
            ]
            found[f"`extract run`, {suffix}"] = lambda arguments=arguments: run_job(inputs, arguments)
            if options.bare:
                kind = "gated" if gate else "all"
                found[f"bare model, {suffix}"] = lambda workers=workers, kind=kind: run_script(
                    "bare_model.py", options.model, workers, kind, *inputs
                )
                pairs[f"`extract run`, {suffix}"] = f"bare model, {suffix}"
    return found, pairs


def main() -> None:
    options = parse_options()
    runs, pairs = contestants(options)
    rounds: dict[str, list[Round]] = {name: [] for name in runs}
    for _ in range(options.repeats):
        for name, run in runs.items():
            rounds[name].append(run())
    print_table(rounds, options.price_per_hour)
    print()
    print_stages(rounds)
    if pairs:
        print()
        print_overhead(rounds, pairs)


if __name__ == "__main__":
    main()
