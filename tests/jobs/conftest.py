"""Fixtures of the job tests: a tiny real model, and runs of the real job with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster import ClusterConfig
from cluster.open import open_cluster
from extract.bundle import ModelBundle
from jobs.config import JobConfig
from jobs.metrics import RunReport
from jobs.model import BundleSource, find_model
from jobs.run import run_job


@pytest.fixture(scope="session")
def tiny_model(tiny_bundle: ModelBundle) -> BundleSource:
    """A real bundle that finds numbers."""
    return find_model(str(tiny_bundle.path))


@pytest.fixture(scope="session")
def cluster_address() -> Iterator[str]:
    """A cluster that all tests share: starting workers takes longer than most of them."""
    with open_cluster(ClusterConfig(n_workers=2, memory_limit=2 << 30)) as client:
        yield client.scheduler.address


RunJob = Callable[..., RunReport]


@pytest.fixture
def run(tiny_model: BundleSource, cluster_address: str, tmp_path: Path) -> RunJob:
    """Run the job on some inputs, on the shared cluster unless told otherwise."""

    def run(*inputs: Path, out: Path = tmp_path / "out", **settings: object) -> RunReport:
        values: dict[str, object] = {
            "inputs": tuple(map(str, inputs)),
            "out": out,
            "model": tiny_model,
            "cluster": ClusterConfig(scheduler=cluster_address),
            **settings,
        }
        return run_job(JobConfig(**values))  # type: ignore[arg-type]

    return run
