"""A fault of the program or of the model is told as one, and no record is blamed for it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from extract.bundle import open_bundle
from tests.faults.conftest import Case
from tests.faults.drive import Command, end_of, wait_for, workers_of

EVERY_TIME = "shard.read:*:*:raise"


def other_bundle(case: Case, folder: Path) -> Case:
    """The same case with a copy of the bundle, to be harmed."""
    shutil.copytree(case.bundle, folder / "int8")
    return Case(folder / "int8", case.inputs, case.golden, case.out)


def test_error_on_every_citation_is_a_fault_of_the_program(case: Case) -> None:
    ended = case.command(fault=EVERY_TIME).run()
    assert ended.code == 70, ended.err
    told = ended.err.strip().splitlines()
    assert told[-1].startswith("error: every citation fails alike")
    assert "RuntimeError: fault point shard.read" in told[-1]
    assert "quarantined record" not in ended.err
    assert len(told) < 5
    case.check_sound()
    assert case.command().run().code == 0
    case.check_whole()


def test_model_that_answers_otherwise_than_when_it_was_made_processes_nothing(
    case: Case, tmp_path: Path
) -> None:
    harmed = other_bundle(case, tmp_path / "other")
    path = harmed.bundle / "model.json"
    manifest = json.loads(path.read_bytes())
    manifest["probe"]["tags"] = [[(tag + 1) % 5 for tag in tags] for tags in manifest["probe"]["tags"]]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    open_bundle(harmed.bundle)  # no file of it is broken: only its answer is not what it says
    ended = harmed.command().run()
    assert ended.code == 78, ended.err
    assert not list((case.out / "_commits").glob("*.json"))


@pytest.mark.slow
def test_model_that_is_swapped_during_the_run_is_refused_by_later_workers(case: Case, tmp_path: Path) -> None:
    harmed = other_bundle(case, tmp_path / "other")
    process = harmed.command(fault="shard.start:*:3:slow").start()
    wait_for(lambda: len(list((case.out / "_commits").glob("*.json"))) > 0)
    path = next(harmed.bundle.glob("*.onnx"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    ended = end_of(process)
    assert ended.code == 78, ended.err
    case.check_sound()
    assert Command([*case.command().arguments, "--replace-model"]).run().code == 0
