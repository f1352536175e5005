"""Fixtures of the multi-host tests: a corpus, what a local run makes of it, and hosts to run it on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster import ClusterConfig
from cluster.certificates import write_certificates
from extract.bundle import ModelBundle
from jobs.config import JobConfig
from jobs.model import find_model
from jobs.run import run_job
from tests.corpus import make_citation, write_medline
from tests.faults.auditor import audit, rows_of
from tests.multihost.network import opened_network
from tests.multihost.site import N_SHARDS, Site


@dataclass(frozen=True)
class Corpus:
    """What is processed, and what must come of it."""

    inputs: tuple[Path, ...]
    bundle: Path
    golden: str
    """Digest of the rows that a local run makes."""

    def check(self, out: Path) -> None:
        """The output is what a local run makes."""
        assert audit(out, self.inputs) == []
        assert rows_of(out) == self.golden


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: ModelBundle) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    citations = [make_citation(pmid) for pmid in range(1, 5 * N_SHARDS + 1)]
    path = write_medline(folder / "pubmed26n0001.xml.gz", citations, deleted=[(7, 1)])
    local = ClusterConfig(n_workers=1, memory_limit=1 << 30)
    report = run_job(
        JobConfig((str(path),), folder / "golden", find_model(str(tiny_bundle.path)), local, slice_records=40)
    )
    assert report.status == "done"
    return Corpus((path,), tiny_bundle.path, rows_of(folder / "golden"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Four hosts: driver, scheduler, two with a worker each."""
    with opened_network(4) as hosts:
        site = Site(hosts, tmp_path_factory.mktemp("site"))
        write_certificates(site.tls)
        try:
            site.start_scheduler()
            for host in site.worker_hosts:
                site.start_worker(host)
            yield site
        finally:
            site.stop()
