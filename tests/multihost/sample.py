"""Responsible for the sample corpus as real clusters run it: what a local run makes of it, and the pace."""

from __future__ import annotations

import sys
from pathlib import Path

from cluster import ClusterConfig
from extract.bundle import ModelBundle
from jobs.config import JobConfig
from jobs.model import find_model
from jobs.run import run_job
from tests.faults.auditor import rows_of
from tests.faults.drive import REPOSITORY
from tests.multihost.conftest import Corpus

SAMPLE = REPOSITORY / "examples" / "sample"
EXTRACT = (sys.executable, "-c", "from jobs.cli import main; main()")
SHARD_SIZE = 10
# Every shard takes a second and a half longer, so that there is time to hurt somebody in the middle.
SLOW = {"EXTRACT_TESTING": "1", "EXTRACT_FAULT": "shard.start:*:*:slow"}


def run_locally(folder: Path, bundle: ModelBundle) -> Corpus:
    """The sample, and the rows that this machine makes of it without any cluster."""
    inputs = tuple(sorted(path for path in SAMPLE.iterdir() if path.suffix in (".xml", ".gz")))
    local = ClusterConfig(n_workers=1, memory_limit=1 << 30)
    config = JobConfig(tuple(map(str, inputs)), folder / "golden", find_model(str(bundle.path)), local)
    assert run_job(config).status == "done"
    return Corpus(inputs, bundle.path, rows_of(folder / "golden"))


def run_words(corpus: Corpus, out: Path, *more: str) -> list[str]:
    """The words of ``extract run`` on the sample."""
    words = [*EXTRACT, "run", str(SAMPLE), "--out", str(out), "--model", str(corpus.bundle)]
    return [*words, "--shard-size", str(SHARD_SIZE), *more]
