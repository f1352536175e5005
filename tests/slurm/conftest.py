"""Fixtures of the tests on a real SLURM."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.certificates import write_certificates
from extract.bundle import ModelBundle
from tests.multihost.conftest import Corpus
from tests.multihost.machine import name_hosts
from tests.multihost.network import opened_network
from tests.multihost.sample import run_locally
from tests.slurm.site import Slurm, need_slurm


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A login node and two nodes of two cores, ready for jobs."""
    need_slurm()
    with opened_network(3) as hosts:
        folder = tmp_path_factory.mktemp("slurm")
        slurm = Slurm(name_hosts(hosts, ("login", "n1", "n2"), folder), folder)
        write_certificates(folder / "tls")
        try:
            slurm.start()
            yield slurm
        finally:
            slurm.stop()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: ModelBundle) -> Corpus:
    return run_locally(tmp_path_factory.mktemp("sample"), tiny_bundle)
