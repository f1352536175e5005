"""Whatever is killed, running the same command again ends with the table of an undisturbed run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.conftest import Case
from tests.faults.drive import Command, end_of, wait_for, workers_of

LAST_COMMIT_STEP = 12
"""More than the fault points that one commit passes: the last ones belong to the next shard's."""


def commits(case: Case) -> list[dict[str, object]]:
    return [json.loads(path.read_bytes()) for path in sorted((case.out / "_commits").glob("*.json"))]


@pytest.mark.parametrize(
    "point",
    [
        "shard.tagged",
        *(pytest.param(f"shard.{point}", marks=pytest.mark.slow) for point in ("start", "written", "staged")),
    ],
)
def test_shard_of_a_killed_worker_is_done_again(case: Case, point: str) -> None:
    ended = case.command(fault=f"{point}:*:1:kill", once=True).run()
    assert ended.code == 0, ended.err
    case.check_whole()
    assert max(record["attempts"] for record in commits(case)) == 2  # type: ignore[type-var]


@pytest.mark.slow
def test_killed_check_of_a_file_is_done_again(case: Case) -> None:
    ended = case.command(fault="check.start:*:1:kill", once=True).run()
    assert ended.code == 0, ended.err
    case.check_whole()


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(step, marks=[] if step == 8 else pytest.mark.slow)
        for step in range(1, LAST_COMMIT_STEP + 1)
    ],
)
def test_driver_killed_at_a_step_of_a_commit(case: Case, step: int) -> None:
    ended = case.command(fault=f"commit:*:{step}:kill").run()
    assert ended.code == -signal.SIGKILL, ended.err
    case.check_sound()
    ended = case.command().run()
    assert ended.code == 0, ended.err
    case.check_whole()


@pytest.mark.parametrize("point", ["source.linked", "settings.linked"])
@pytest.mark.slow
def test_driver_killed_while_it_takes_files_in(case: Case, point: str) -> None:
    assert case.command(fault=f"{point}:*:1:kill").run().code == -signal.SIGKILL
    ended = case.command().run()
    assert ended.code == 0, ended.err
    case.check_whole()


def test_worker_that_outlives_its_driver_leaves_only_garbage(case: Case) -> None:
    process = case.command(fault="shard.written:*:1:slow").start()
    wait_for(lambda: len(list((case.out / "_staging").glob("*/*"))) > 0)
    process.kill()
    end_of(process)
    ended = case.command().run()
    assert ended.code == 0, ended.err
    case.check_whole()
    time.sleep(2)
    case.check_whole()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_signal_stops_soon_and_keeps_what_is_finished(case: Case, number: int, code: int) -> None:
    process = case.command(fault="shard.start:*:3:slow").start()
    wait_for(lambda: len(list((case.out / "_commits").glob("*.json"))) > 0)
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    ended = end_of(process)
    assert ended.code == code, ended.err
    assert ended.seconds < 10
    assert "Traceback" not in ended.err
    case.check_sound()
    assert case.command().run().code == 0
    case.check_whole()


@pytest.mark.slow
def test_second_signal_ends_at_once(case: Case) -> None:
    process = case.command(fault="shard.start:*:1:hang").start()
    wait_for(lambda: len(workers_of(process.pid)) > 0)
    time.sleep(2)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    ended = end_of(process)
    assert ended.code == 143, ended.err
    assert ended.seconds < 2


def test_two_runs_at_once_share_the_work_safely(case: Case) -> None:
    first, second = case.command(workers=2).start(), case.command().start()
    assert [end_of(first).code, end_of(second).code] == [0, 0]
    case.check_whole()


@pytest.mark.slow
def test_storm_of_worker_kills_ends_cleanly(case: Case) -> None:
    process = case.command("--shard-size", "5", workers=2).start()
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        for pid in workers_of(process.pid)[:1]:
            os.kill(pid, signal.SIGKILL)
        time.sleep(2)
    ended = end_of(process)
    assert ended.code in (0, 65, 75), ended.err
    case.check_sound()
    assert case.command().run().code == 0


@pytest.mark.slow
def test_lost_scheduler_ends_the_run_soon(case: Case, tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{19000 + os.getpid() % 1000}"
    dask = [sys.executable, "-m", "dask"]
    port = address.rpartition(":")[2]
    scheduler = subprocess.Popen(
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    worker = subprocess.Popen(
        [*dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--death-timeout", "5"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "EXTRACT_TESTING": "1", "EXTRACT_FAULT": "shard.start:*:2:hang"},
    )
    try:
        process = case.command("--scheduler", address, workers=None).start()
        wait_for(lambda: len(list((case.out / "_commits").glob("*.json"))) > 0)
        scheduler.kill()
        ended = end_of(process)
    finally:
        for child in (scheduler, worker):
            child.kill()
            child.wait()
    assert ended.code == 75, ended.err
    assert ended.seconds < 10
    case.check_sound()
    assert case.command().run().code == 0
    case.check_whole()


@pytest.mark.slow
def test_stopped_worker_is_given_up_and_cannot_commit_later(case: Case) -> None:
    command = case.command(workers=2, fault="shard.tagged:*:1:slow")
    patient = Command(
        command.arguments,
        fault=command.fault,
        variables=(("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", "4s"),),
    )
    process = patient.start()
    wait_for(lambda: len(workers_of(process.pid)) == 2)
    wait_for(lambda: len(list((case.out / "_commits").glob("*.json"))) > 0)
    victim = workers_of(process.pid)[0]
    os.kill(victim, signal.SIGSTOP)
    ended = end_of(process)
    if Path(f"/proc/{victim}").exists():
        os.kill(victim, signal.SIGCONT)
    assert ended.code == 0, ended.err
    time.sleep(2)
    case.check_whole()
