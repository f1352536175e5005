"""A run over several hosts gives the table of a local run, whichever host is lost on the way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.drive import end_of, wait_for
from tests.multihost.conftest import Corpus
from tests.multihost.site import N_SHARDS, Site, at_least, n_commits

ON_REQUEST = pytest.mark.skipif(
    "EXTRACT_MULTIHOST" not in os.environ, reason="takes minutes: set EXTRACT_MULTIHOST=1 to run it"
)


def test_host_that_is_cut_off_mid_run_and_comes_back_changes_nothing(
    site: Site, corpus: Corpus, tmp_path: Path
) -> None:
    lost = site.worker_hosts[1]
    wait_for(lambda: sorted(site.worker_addresses()) == [host.address for host in site.worker_hosts])
    job = site.start_job(tmp_path / "out", corpus.inputs, corpus.bundle)
    wait_for(at_least(2, tmp_path / "out"))
    lost.pull_cable()
    wait_for(lambda: site.has_dropped(lost))
    assert n_commits(tmp_path / "out") < N_SHARDS, "the run ended before the host was given up"
    lost.plug_cable()
    site.start_worker(lost)  # the old process ends when it notices; here nobody else starts another
    ended = end_of(job, seconds=240)
    assert ended.code == 0, ended.err
    corpus.check(tmp_path / "out")
    wait_for(lambda: lost.address in site.worker_addresses())


def test_nothing_listens_but_on_the_hosts_own_address(site: Site) -> None:
    """Encrypted on the address that was given; dashboards on loopback only."""
    for host in site.hosts:
        assert host.listening() <= {host.kernel_address, "0100007F"}
    assert site.hosts[0].listening() == set()


def test_caller_without_certificates_gets_no_answer(site: Site) -> None:
    address = site.scheduler_address.replace("tls://", "tcp://")
    refused = site.extract("cluster", "describe", "--scheduler", address)
    assert refused.code == 2
    assert "not encrypted" in refused.err
    file = site.folder / "open.toml"
    file.write_text(f'scheduler = "{address}"\ninsecure_network = true\nstart_seconds = 3\n', "utf-8")
    assert site.extract("cluster", "describe", "--cluster", str(file)).code == 75


@pytest.mark.slow
@ON_REQUEST
def test_preempted_workers_cost_nothing_and_nobody_is_blamed(
    site: Site, corpus: Corpus, tmp_path: Path
) -> None:
    """As SLURM does it: SIGTERM to a worker's nanny, again and again; a new job takes its place."""
    out = tmp_path / "out"
    job = site.start_job(out, corpus.inputs, corpus.bundle)
    host = site.worker_hosts[0]
    for done in (2, 6, 10, 14):
        wait_for(at_least(done, out))
        site.preempt(host)
        site.start_worker(host)
    ended = end_of(job, seconds=240)
    assert ended.code == 0, ended.err
    assert "trying it alone" not in ended.err
    corpus.check(out)


@pytest.mark.slow
@ON_REQUEST
def test_run_stops_with_its_scheduler_and_continues_with_a_new_one(
    site: Site, corpus: Corpus, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    job = site.start_job(out, corpus.inputs, corpus.bundle)
    wait_for(at_least(3, out))
    site.kill_scheduler()
    ended = end_of(job, seconds=240)
    assert ended.code == 75, ended.err
    assert ended.err.splitlines()[-1].startswith("error: ")
    assert 3 <= n_commits(out) < N_SHARDS
    site.start_scheduler()
    for host in site.worker_hosts:
        site.start_worker(host)
    again = end_of(site.start_job(out, corpus.inputs, corpus.bundle), seconds=240)
    assert again.code == 0, again.err
    corpus.check(out)
