"""A disk that is full or fails stops the run; nothing half-written is visible, and the next run goes on."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest

from tests.faults.conftest import Case
from tests.faults.drive import Command, end_of, wait_for, workers_of


@pytest.mark.parametrize(
    "fault",
    [
        "shard.written:*:2:enospc",
        pytest.param("write.sync:*:9:eio", marks=pytest.mark.slow),
        pytest.param("commit.renamed:*:2:enospc", marks=pytest.mark.slow),
        pytest.param("commit.written:*:2:enospc", marks=pytest.mark.slow),
        pytest.param("commit.synced:*:1:eio", marks=pytest.mark.slow),
    ],
)
def test_failed_write_ends_with_one_line_and_can_go_on(case: Case, fault: str) -> None:
    ended = case.command(fault=fault).run()
    assert ended.code == 74, ended.err
    line = ended.err.strip().splitlines()[-1]
    assert line.startswith("error: writing failed")
    assert "run again to continue" in line
    case.check_sound()
    assert case.command().run().code == 0
    case.check_whole()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission_is_unwritable(case: Case) -> None:
    case.out.mkdir(mode=0o500)
    ended = case.command().run()
    assert ended.code == 73, ended.err


def test_file_system_that_takes_no_folders_is_unwritable(case: Case) -> None:
    place = Case(case.bundle, case.inputs, case.golden, Path("/proc/no-such-place/out"))
    ended = place.command().run()
    assert ended.code == 73, ended.err
    assert len(ended.err.strip().splitlines()) == 1


@pytest.mark.slow
def test_file_that_may_not_grow_is_told_as_a_full_disk(case: Case) -> None:
    process = case.command(fault="shard.start:*:2:slow").start()
    wait_for(lambda: len(workers_of(process.pid)) > 0)
    resource.prlimit(workers_of(process.pid)[0], resource.RLIMIT_FSIZE, (2048, 2048))
    ended = end_of(process)
    assert ended.code == 74, ended.err
    assert "File too large" in ended.err.strip().splitlines()[-1]
    case.check_sound()
    assert case.command().run().code == 0
    case.check_whole()


@pytest.mark.slow
def test_output_that_vanishes_ends_the_run_in_one_line(case: Case) -> None:
    process = case.command(fault="shard.start:*:3:slow").start()
    wait_for(lambda: len(list((case.out / "_commits").glob("*.json"))) > 0)
    shutil.rmtree(case.out, ignore_errors=True)
    ended = end_of(process)
    assert ended.code in (73, 74), ended.err
    assert "Traceback" not in ended.err
    shutil.rmtree(case.out, ignore_errors=True)
    assert case.command().run().code == 0
    case.check_whole()


def test_output_in_place_of_a_file_is_unwritable(case: Case) -> None:
    case.out.write_text("in the way", encoding="utf-8")
    ended = case.command().run()
    assert ended.code == 73
    assert len(ended.err.strip().splitlines()) == 1


def test_flipped_bit_in_the_model_is_refused_before_any_row(case: Case, tmp_path: Path) -> None:
    broken = tmp_path / "int8"
    broken.mkdir()
    for path in case.bundle.iterdir():
        data = bytearray(path.read_bytes())
        if path.suffix == ".onnx":
            data[len(data) // 2] ^= 1
        (broken / path.name).write_bytes(data)
    arguments = ["run", *map(str, case.inputs), "--out", str(case.out), "--model", str(broken)]
    ended = Command(arguments).run()
    assert ended.code == 78
    assert not case.out.exists()


def test_verify_names_rotten_shards_and_the_next_run_redoes_them(case: Case) -> None:
    assert case.command().run().code == 0
    rotten, gone = sorted((case.out / "entities").iterdir())[:2]
    data = bytearray(rotten.read_bytes())
    data[len(data) // 2] ^= 4
    rotten.write_bytes(data)
    gone.unlink()
    ended = Command(["verify", str(case.out), "--repair"]).run()
    assert ended.code == 1
    assert rotten.name in ended.out
    assert gone.name in ended.out
    assert "withdrawn; the next run does it again" in ended.err
    assert case.command().run().code == 0
    case.check_whole()
    assert Command(["verify", str(case.out)]).run().code == 0
