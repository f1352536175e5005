"""On a real SLURM a run gives the table of a local run, whatever happens to its jobs, and leaves none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.drive import wait_for
from tests.multihost.conftest import Corpus
from tests.multihost.sample import EXTRACT, SLOW, run_words
from tests.multihost.site import at_least
from tests.slurm.site import Slurm

pytestmark = pytest.mark.slow


def cluster_file(slurm: Slurm, folder: Path, *, cores: int = 1, top: str = "") -> Path:
    """Two jobs of so many workers, over TLS."""
    lines = ['kind = "slurm"', f'tls = "{slurm.folder}/tls"', top, "[slurm]", f"cores = {cores}"]
    lines += ['memory = "1GB"', "jobs = 2", f'python = "{sys.executable}"', f'log_directory = "{folder}"']
    path = folder / "slurm.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def start_run(slurm: Slurm, sample: Corpus, folder: Path, **cluster: object) -> subprocess.Popen[str]:
    """``extract run`` on the login node; what it says is in ``run.log``."""
    words = run_words(sample, folder / "out", "--cluster", str(cluster_file(slurm, folder, **cluster)))  # type: ignore[arg-type]
    return slurm.login.start(words, folder / "run.log", {**slurm.variables, **SLOW})


def check_end(slurm: Slurm, sample: Corpus, process: subprocess.Popen[str], folder: Path) -> None:
    """The run ended well, with the right table, and SLURM has nothing of it any more."""
    code = process.wait(timeout=200)
    told = (folder / "run.log").read_text("utf-8")
    assert code == 0, told
    assert "trying it alone" not in told  # nobody was blamed
    sample.check(folder / "out")
    wait_for(lambda: slurm.jobs() == [], seconds=30)
    assert [pid for node in slurm.nodes for pid in node.pids() if is_worker(pid)] == []


def is_worker(pid: int) -> bool:
    try:
        return b"dask" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_cancelled_job_is_replaced(slurm: Slurm, sample: Corpus, tmp_path: Path) -> None:
    run = start_run(slurm, sample, tmp_path)
    wait_for(at_least(3, tmp_path / "out"))
    first, second = slurm.jobs("RUNNING")
    slurm.call("scancel", first)
    wait_for(lambda: len(slurm.jobs("RUNNING")) == 2 and first not in slurm.jobs(), seconds=60)
    assert second in slurm.jobs()
    check_end(slurm, sample, run, tmp_path)


def test_preempted_job_runs_again_and_its_workers_return(
    slurm: Slurm, sample: Corpus, tmp_path: Path
) -> None:
    """As preemption does it: the job is ended, and put back in the queue under its own number."""
    run = start_run(slurm, sample, tmp_path, cores=2)
    wait_for(at_least(3, tmp_path / "out"))
    jobs = slurm.jobs("RUNNING")
    slurm.call("scontrol", "requeue", jobs[0])
    wait_for(lambda: slurm.jobs("RUNNING") == jobs[1:], seconds=30)
    wait_for(lambda: slurm.jobs("RUNNING") == jobs, seconds=60)
    check_end(slurm, sample, run, tmp_path)


def test_workers_that_reach_their_lifetime_are_followed_by_others(
    slurm: Slurm, sample: Corpus, tmp_path: Path
) -> None:
    run = start_run(slurm, sample, tmp_path, top="lifetime_seconds = 15")
    wait_for(lambda: slurm.jobs("RUNNING") != [], seconds=60)
    first = slurm.jobs()
    wait_for(lambda: slurm.jobs() != [] and not set(first) & set(slurm.jobs()), seconds=90)
    check_end(slurm, sample, run, tmp_path)


def test_describe_starts_a_cluster_shows_it_and_closes_it(slurm: Slurm, tmp_path: Path) -> None:
    file = cluster_file(slurm, tmp_path)
    told = json.loads(slurm.call(*EXTRACT, "cluster", "describe", "--cluster", str(file), "--json"))
    assert told["scheduler"].startswith(f"tls://{slurm.login.host.address}:")
    assert told["workers"]
    for worker in told["workers"]:
        assert worker["address"].split("//")[1].partition(":")[0] in {n.host.address for n in slurm.nodes}
        assert (worker["threads"], worker["versions"]) == (1, told["versions"])
    assert slurm.jobs() == []


def test_batch_script_that_is_told_to_stop_queues_itself_again_and_ends_well(
    slurm: Slurm, sample: Corpus, tmp_path: Path
) -> None:
    """The signal is what SLURM sends near the time limit, to the batch shell alone."""
    words = run_words(sample, tmp_path / "out")[len(EXTRACT) + 1 :]
    file = cluster_file(slurm, tmp_path)
    script = slurm.call(
        *EXTRACT, "cluster", "script", "--kind", "slurm", "--cluster", str(file), "--", *words
    )
    exports = "".join(f"export {name}='{value}'\n" for name, value in SLOW.items())
    path = tmp_path / "job.sh"
    path.write_text(script.replace("set -euo", f"{exports}set -euo"), encoding="utf-8")
    job = slurm.call("sbatch", "--parsable", f"--chdir={tmp_path}", str(path)).strip()
    wait_for(at_least(3, tmp_path / "out"))
    slurm.call("scancel", "--batch", "--signal=TERM", job)
    wait_for(lambda: "PENDING" in state_of(slurm, job), seconds=60)
    wait_for(lambda: "COMPLETED" in state_of(slurm, job), seconds=120)
    assert "Restarts=1" in slurm.call("scontrol", "show", "job", job)
    sample.check(tmp_path / "out")
    assert list(tmp_path.glob(".extract-tls-*")) == []


def state_of(slurm: Slurm, job: str) -> str:
    return slurm.call("scontrol", "show", "job", job).partition("JobState=")[2].split()[0]
