"""How far off a plan is: `extract plan` and then `extract run` on the same inputs, several times over.

    python benchmarks/bench_plan.py INPUT... [--model NAME] [--workers 1 2] [--repeats 3] [--gate on|off|both]

Every round plans and runs each setting once into a new, empty folder. The error is what the report of that
run tells: 10 % means that the run took 10 % longer than planned. All errors are printed, beside their median.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from typing import Any

EXTRACT = [sys.executable, "-c", "from jobs.cli import main; main()"]


def call(*arguments: str) -> dict[str, Any]:
    """The object that a command prints."""
    done = subprocess.run([*EXTRACT, *arguments, "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"extract {' '.join(arguments[:4])} ... ended with {done.returncode}:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def plan_and_run(inputs: list[str], settings: list[str]) -> tuple[float, float, float]:
    """Seconds planned, seconds taken, and the error that the report tells."""
    with tempfile.TemporaryDirectory() as out:
        planned = call("plan", *inputs, "--out", out, *settings)["predictions"][0]["wall_seconds"]
        taken = call("run", *inputs, "--out", out, *settings)["wall_seconds"]
        error = call("report", out)["runs"][0]["prediction_error"]
    return planned, taken, error


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", nargs="+")
    parser.add_argument("--model", default="pruned25-int8")
    parser.add_argument("--workers", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--gate", choices=["on", "off", "both"], default="on")
    options = parser.parse_args()

    gates = {"on": [[]], "off": [["--no-gate"]], "both": [[], ["--no-gate"]]}[options.gate]
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(options.repeats):
        for gate in gates:
            for workers in options.workers:
                name = f"{workers} worker(s)" + (", no gate" if gate else ", gate")
                settings = ["--model", options.model, "--workers", str(workers), *gate]
                found.setdefault(name, []).append(plan_and_run(options.inputs, settings))
    print("| setting | planned, s | taken, s | error | median |")
    print("|---|---|---|---|---|")
    for name, rounds in found.items():
        planned, taken, errors = zip(*rounds, strict=True)
        cells = [" ".join(f"{value:.1f}" for value in values) for values in (planned, taken)]
        told = " ".join(f"{error:+.0%}" for error in errors)
        print(f"| {name} | {' | '.join(cells)} | {told} | {statistics.median(errors):+.0%} |")


if __name__ == "__main__":
    main()
