"""Responsible for a SLURM batch script of a whole run: scheduler, workers and job in one allocation."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence

from cluster.kinds import SlurmConfig

_DRIVER_CORES = 1
"""Tasks of the allocation that run no worker: driver and scheduler, which rest most of the time."""
_NOTICE_SECONDS = 120
"""How long before its end SLURM tells the job, so that what is finished can be committed."""

_BODY = """\
set -euo pipefail

# One authority for this job alone, in a folder of your own on the file system that all nodes share.
tls="$PWD/.extract-tls-$SLURM_JOB_ID"
{extract} cluster certs --to "$tls" >&2
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$tls"' EXIT
export DASK_CONFIG="$tls/dask.yaml"

{dask} scheduler --host "$(hostname)" --port 0 --protocol tls --dashboard-address 127.0.0.1:0 \\
    --scheduler-file "$tls/scheduler.json" &
export tls
srun --overlap --ntasks={workers} --cpus-per-task=1 bash -c '
    exec {dask} worker --scheduler-file "$tls/scheduler.json" --protocol tls --nthreads 1 \\
    --host "$SLURMD_NODENAME" --memory-limit {memory} --dashboard-address 127.0.0.1:0 \\
    --death-timeout 300 --local-directory {local_directory}' &

{extract} run {arguments} --scheduler "$tls/scheduler.json" --tls "$tls" &
run=$!
trap 'kill -TERM "$run"' TERM  # preempted, or near the time limit: commit what is finished, then stop
code=0
wait "$run" || code=$?
if kill -0 "$run" 2>/dev/null; then code=0; wait "$run" || code=$?; fi

# 75 and 143: stopped, and the same command continues.
if [ "$code" -eq 75 ] || [ "$code" -eq 143 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
"""


def render_batch(slurm: SlurmConfig, arguments: Sequence[str]) -> str:
    """The script for ``sbatch``; ``arguments`` are those of ``extract run``."""
    workers = slurm.jobs * slurm.cores
    python = shlex.quote(slurm.python or "python")
    body = _BODY.format(
        extract=f"{python} -c 'from jobs.cli import main; main()'" if slurm.python else "extract",
        dask=f"{python} -m dask" if slurm.python else "dask",
        workers=workers,
        memory=shlex.quote(f"{_mib(slurm.memory) // slurm.cores}MiB"),
        local_directory=slurm.local_directory,
        arguments=shlex.join(arguments),
    )
    return "\n".join(["#!/bin/bash", *_directives(slurm, workers), "", *slurm.prologue, body])


def _directives(slurm: SlurmConfig, workers: int) -> list[str]:
    """The ``#SBATCH`` lines."""
    lines = [
        "--job-name=extract",
        f"--ntasks={workers + _DRIVER_CORES}",
        "--cpus-per-task=1",
        f"--mem-per-cpu={math.ceil(_mib(slurm.memory) / slurm.cores)}M",
        f"--time={slurm.walltime}",
        "--requeue",
        "--open-mode=append",
        f"--signal=B:TERM@{_NOTICE_SECONDS}",
        *([f"--partition={slurm.partition}"] if slurm.partition else []),
        *([f"--account={slurm.account}"] if slurm.account else []),
        *([f"--output={slurm.log_directory}/extract-%j.log"] if slurm.log_directory else []),
        *slurm.directives,
    ]
    return [f"#SBATCH {line}" for line in lines]


def _mib(memory: str) -> int:
    """A memory size such as ``16GB`` or ``4000MiB`` in MiB."""
    from dask.utils import parse_bytes

    return max(1, int(parse_bytes(memory)) // 2**20)
