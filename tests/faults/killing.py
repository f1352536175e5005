"""Responsible for outputs that are made while everything that makes them is killed, over and over.

Each output has its own dice, seeded by the seed of the proof and its number, which say what is killed and
when: at a moment since the start, a moment after so many commits, or a named step inside the code. What a
kill hits still depends on the machine.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.corpus import make_citation, write_medline
from tests.faults.auditor import audit, rows_of
from tests.faults.drive import Command, Ended, workers_of
from tests.faults.fleet import Fleet
from tests.faults.zygote import Zygote
from tests.tiny import build_tiny_bundle

WORKER_POINTS = ("shard.start", "shard.read", "shard.tagged", "shard.written", "shard.staged", "check.start")
DRIVER_POINTS = ("commit", "commit", "commit", "commit", "source", "settings")
LONGEST_SECONDS = 1800.0
"""A run that takes longer hangs; long enough for a machine that is busy with other things."""
RESUMES = 60
"""So often an output is tried before it counts as never finishing."""
MOST_PROBLEMS = 20
"""So many of an output are noted."""
KILLED = -signal.SIGKILL
SCHEDULER_SHARE = 0.15
"""Of the runs on a cluster of its own, how many lose its scheduler."""


@dataclass
class Tale:
    """What happened to one output."""

    number: int
    kind: str
    """``local``: the scheduler lives in the driver; ``apart``: scheduler and workers are of their own."""
    kills: dict[str, int] = field(default_factory=dict)
    """Kills by what was killed and how the moment was chosen."""
    runs: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    """Exit codes of the runs."""
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, what: str, count: int = 1) -> None:
        if count:
            self.kills[what] = self.kills.get(what, 0) + count


@dataclass(frozen=True)
class Site:
    """Where the proof takes place."""

    folder: Path
    inputs: tuple[Path, ...]
    bundle: Path
    golden: str
    typical_seconds: float
    """How long an undisturbed run takes here."""
    zygote: Zygote

    def command(self, out: Path, *more: str, fault: str = "", once: Path | None = None) -> Command:
        arguments = ["run", *map(str, self.inputs), "--out", str(out), "--model", str(self.bundle)]
        return Command([*arguments, "--shard-size", "6", *more], fault=fault, once=once)


def prepare(folder: Path) -> Site:
    """Make inputs and bundle, and run once without any kill.

    :raises RuntimeError: when even that goes wrong.
    """
    build_tiny_bundle(folder / "int8")
    inputs = tuple(
        write_medline(
            folder / "in" / f"pubmed26n{number:04d}.xml.gz",
            [make_citation(pmid, seed=number) for pmid in range(number * 30, number * 30 + 60)],
            deleted=[(number * 30, 1)],
        )
        for number in (1, 2, 3)
    )
    blank = Site(folder, inputs, folder / "int8", "", 0.0, Zygote(folder))
    # The command as it is started by people; all others are forked, which is quicker.
    undisturbed = blank.command(folder / "golden", "--workers", "1")
    ended = undisturbed.run(seconds=LONGEST_SECONDS)
    problems = audit(folder / "golden", inputs)
    if ended.code != 0 or problems:
        raise RuntimeError(f"the undisturbed run failed: {ended.err} {problems}")
    started = time.monotonic()
    again = blank.command(folder / "again", "--workers", "1")
    code = blank.zygote.run(again, seconds=LONGEST_SECONDS).code
    if code != 0:
        raise RuntimeError(f"the forked run failed: exit {code}")
    return replace(blank, golden=rows_of(folder / "golden"), typical_seconds=time.monotonic() - started)


def make_output(site: Site, number: int, seed: int) -> Tale:
    """Make one output among kills, let it finish, and judge it; its folder stays if anything is wrong."""
    dice = random.Random(f"{seed}/{number}")
    tale = Tale(number, dice.choice(("local", "apart", "apart", "apart")))
    out = site.folder / f"out{number}"
    started = time.monotonic()
    with _stage(site, dice, tale) as run:
        for _ in range(RESUMES):
            ended = run(out)
            tale.runs += 1
            tale.codes[str(ended.code)] = tale.codes.get(str(ended.code), 0) + 1
            if ended.code not in (0, KILLED, 75) or "hung for" in ended.err:
                tale.problems.append(f"exit {ended.code}: {ended.err[-2000:]}")
            if ended.code == 0 or tale.problems:
                break
        else:
            tale.problems.append(f"not finished after {RESUMES} runs")
    tale.problems += judge(site, out)[:MOST_PROBLEMS]
    tale.seconds = round(time.monotonic() - started, 1)
    if not tale.problems:
        shutil.rmtree(out)
    return tale


def judge(site: Site, out: Path) -> list[str]:
    """What is wrong with a finished output; the command must also find nothing left to do."""
    problems = audit(out, site.inputs)
    if rows_of(out) != site.golden:
        problems.append("rows differ from those of an undisturbed run")
    ended = site.zygote.run(site.command(out, "--workers", "1"), seconds=LONGEST_SECONDS)
    if ended.code != 0:
        problems.append(f"run again: exit {ended.code}: {ended.err[-500:]}")
    return problems


@contextmanager
def _stage(site: Site, dice: random.Random, tale: Tale) -> Iterator[Callable[[Path], Ended]]:
    """What the output is made on; gives the function that runs once among kills."""
    if tale.kind == "local":
        yield lambda out: _run_local(site, out, dice, tale)
        return
    fired = site.folder / f"fired{tale.number}"
    points = ";".join(f"{point}:*:{dice.randint(1, 12)}:kill" for point in dice.sample(WORKER_POINTS, 3))
    fleet = Fleet(site.folder / f"fleet{tale.number}", dice.choice((1, 2)), points, fired)
    fleet.start()
    try:
        yield lambda out: _run_apart(site, out, fleet, dice, tale)
    finally:
        fleet.stop()
        tale.add("worker at a step", len(list(fired.iterdir())))
        shutil.rmtree(fired)
        shutil.rmtree(fleet.folder)


def _run_local(site: Site, out: Path, dice: random.Random, tale: Tale) -> Ended:
    """One run whose scheduler lives in its driver."""
    fired = site.folder / f"fired{tale.number}-{tale.runs}"
    points = [f"{dice.choice(DRIVER_POINTS)}:*:{dice.randint(1, 25)}:kill"] if dice.random() < 0.5 else []
    points += [f"{dice.choice(WORKER_POINTS)}:*:{dice.randint(1, 9)}:kill"] if dice.random() < 0.7 else []
    command = site.command(out, "--workers", dice.choice("112"), fault=";".join(points), once=fired)
    driver = site.zygote.start(command)
    for _ in range(dice.randint(0, 2)):
        _kill_later(lambda: workers_of(driver), "worker", out, driver, site, dice, tale)
    if not points or dice.random() < 0.4:
        _kill_later(lambda: [driver], "driver and scheduler", out, driver, site, dice, tale)
    ended = site.zygote.end(LONGEST_SECONDS)
    _count_fired(fired, driver, "driver and scheduler", tale)
    return ended


def _run_apart(site: Site, out: Path, fleet: Fleet, dice: random.Random, tale: Tale) -> Ended:
    """One run on a cluster that is there before it and after it, unless its scheduler is killed."""
    fired = site.folder / f"fired{tale.number}-{tale.runs}"
    fault = f"{dice.choice(DRIVER_POINTS)}:*:{dice.randint(1, 25)}:kill" if dice.random() < 0.6 else ""
    command = site.command(out, "--scheduler", str(fleet.address), fault=fault, once=fired)
    driver = site.zygote.start(command)
    for _ in range(dice.randint(0, 2)):
        _kill_later(fleet.workers, "worker", out, driver, site, dice, tale)
    if dice.random() < SCHEDULER_SHARE:
        _kill_later(lambda: [fleet.scheduler.pid], "scheduler", out, driver, site, dice, tale)
    elif not fault or dice.random() < 0.3:
        _kill_later(lambda: [driver], "driver", out, driver, site, dice, tale)
    ended = site.zygote.end(LONGEST_SECONDS)
    _count_fired(fired, driver, "driver", tale)
    if fleet.scheduler.poll() is not None or fleet.nanny.poll() is not None:
        fleet.stop()
        fleet.start()
    return ended


def _kill_later(
    victims: Callable[[], list[int]],
    name: str,
    out: Path,
    driver: int,
    site: Site,
    dice: random.Random,
    tale: Tale,
) -> None:
    """Kill one of the victims at the moment the dice say; nothing if the driver has ended before."""
    if dice.random() < 0.35:
        way, wanted = "at a moment", 0
        delay = dice.uniform(0.0, site.typical_seconds)
    else:
        way, wanted = "while it commits", _n_commits(out) + dice.randint(1, 5)
        delay = dice.uniform(0.0, 0.1)
    end = time.monotonic() + 10 * site.typical_seconds
    while wanted and _n_commits(out) < wanted and time.monotonic() < end:
        if not _is_running(driver):
            return
        time.sleep(0.01)
    time.sleep(delay)
    if not _is_running(driver):
        return
    found = victims()
    with contextlib.suppress(ProcessLookupError):
        if found:
            os.kill(dice.choice(found), signal.SIGKILL)
            tale.add(f"{name} {way}")


def _count_fired(folder: Path, driver: int, driver_name: str, tale: Tale) -> None:
    """Count the faults that happened in the driver and its workers: each notes in which process."""
    if folder.is_dir():
        for note in folder.iterdir():
            in_driver = note.read_text(encoding="ascii") == str(driver)
            tale.add(f"{driver_name if in_driver else 'worker'} at a step")
        shutil.rmtree(folder)


def _is_running(pid: int) -> bool:
    """Whether a child of this process still runs; it stays there as a zombie when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _n_commits(out: Path) -> int:
    folder = out / "_commits"
    return sum(name.endswith(".json") for name in os.listdir(folder)) if folder.is_dir() else 0
