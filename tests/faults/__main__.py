"""Responsible for the long proof: ``python -m tests.faults --kills 1000``.

Runs the real command over and over, kills driver or workers at random moments and at random steps of the
commit, starts it again until it is done, and lets the auditor compare every finished output with an
undisturbed one. The same seed gives the same plan of kills; what they hit still depends on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.corpus import make_citation, write_medline
from tests.faults.auditor import audit, rows_of
from tests.faults.drive import Command, end_of, workers_of
from tests.tiny import build_tiny_bundle

POINTS = (
    "shard.start",
    "shard.read",
    "shard.tagged",
    "shard.written",
    "shard.staged",
    "write",
    "check.start",
)
COMMIT_POINTS = ("commit", "commit", "commit", "source", "settings")
LONGEST_SECONDS = 240.0
RESUMES = 200
"""So often an output is tried before it counts as never finishing."""


@dataclass
class Tally:
    """What has happened so far."""

    kills: dict[str, int] = field(default_factory=dict)
    """Kills by what was killed and how it was chosen."""
    runs: int = 0
    outputs: int = 0
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def n_kills(self) -> int:
        return sum(self.kills.values())

    def add(self, what: str) -> None:
        self.kills[what] = self.kills.get(what, 0) + 1


@dataclass(frozen=True)
class Site:
    """Where the proof takes place."""

    folder: Path
    inputs: tuple[Path, ...]
    bundle: Path
    golden: str
    typical_seconds: float
    """How long an undisturbed run takes here."""

    def command(self, out: Path, *, fault: str = "", once: Path | None = None) -> Command:
        arguments = ["run", *map(str, self.inputs), "--out", str(out), "--model", str(self.bundle)]
        return Command([*arguments, "--shard-size", "15"], fault=fault, once=once)


def prepare(folder: Path) -> Site:
    """Make inputs and bundle, and run once without any kill."""
    build_tiny_bundle(folder / "int8")
    inputs = tuple(
        write_medline(
            folder / "in" / f"pubmed26n{number:04d}.xml.gz",
            [make_citation(pmid, seed=number) for pmid in range(number * 30, number * 30 + 60)],
            deleted=[(number * 30, 1)],
        )
        for number in (1, 2, 3)
    )
    blank = Site(folder, inputs, folder / "int8", "", 0.0)
    started = time.monotonic()
    ended = blank.command(folder / "golden").run(seconds=LONGEST_SECONDS)
    problems = audit(folder / "golden", inputs)
    if ended.code != 0 or problems:
        sys.exit(f"the undisturbed run failed: {ended.err} {problems}")
    return Site(folder, inputs, folder / "int8", rows_of(folder / "golden"), time.monotonic() - started)


def run_and_kill(site: Site, out: Path, dice: random.Random, tally: Tally) -> bool:
    """Run once and try to kill something meanwhile; whether the run came to its end."""
    way = dice.choice(("moment", "moment", "commit", "point"))
    if way == "moment":
        process = site.command(out).start()
        time.sleep(dice.uniform(0.0, site.typical_seconds))
        _kill_something(process.pid, dice, tally)
        ended = end_of(process, seconds=LONGEST_SECONDS)
    else:
        point = dice.choice(COMMIT_POINTS if way == "commit" else POINTS)
        fired = Path(tempfile.mkdtemp(dir=site.folder))
        fault = f"{point}:*:{dice.randint(1, 9 if way == 'commit' else 3)}:kill"
        ended = site.command(out, fault=fault, once=fired).run(seconds=LONGEST_SECONDS)
        if any(fired.iterdir()):
            tally.add("driver at a step" if ended.code == -signal.SIGKILL else "worker at a step")
        shutil.rmtree(fired)
    tally.runs += 1
    if ended.code not in (0, -signal.SIGKILL, 75) or "hung for" in ended.err:
        tally.problems.append(f"exit {ended.code}: {ended.err[-1000:]}")
    return ended.code == 0


def _kill_something(driver: int, dice: random.Random, tally: Tally) -> None:
    victims = workers_of(driver) if dice.random() < 0.5 else []
    pid, name = (dice.choice(victims), "worker") if victims else (driver, "driver")
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    tally.add(f"{name} at a moment")


def prove(kills: int, seed: int, folder: Path) -> Tally:
    """Kill until that many kills have happened, then finish the last output and judge it too."""
    site, dice, tally = prepare(folder), random.Random(seed), Tally()
    started = time.monotonic()
    while tally.n_kills < kills:
        out = folder / f"out{tally.outputs}"
        for _ in range(RESUMES):
            if run_and_kill(site, out, dice, tally):
                break
        ended = site.command(out).run(seconds=LONGEST_SECONDS)
        tally.runs += 1
        problems = audit(out, site.inputs)
        if ended.code != 0:
            problems.append(f"exit {ended.code}: {ended.err[-300:]}")
        if rows_of(out) != site.golden:
            problems.append("rows differ from those of an undisturbed run")
        tally.problems += [f"output {tally.outputs}: {problem}" for problem in problems]
        tally.outputs += 1
        tally.seconds = round(time.monotonic() - started, 1)
        if not problems:
            shutil.rmtree(out)
        sys.stderr.write(f"{tally.n_kills} kills, {tally.outputs} outputs, {len(tally.problems)} problems\n")
    return tally


def main() -> int:
    """Parse, prove, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="keep the folder of the proof")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    tally = prove(arguments.kills, arguments.seed, folder)
    sys.stdout.write(json.dumps(asdict(tally), indent=1) + "\n")
    if not arguments.keep and not tally.problems:
        shutil.rmtree(folder)
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
