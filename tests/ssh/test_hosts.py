"""Workers that are started over a real SSH make the table of a local run, on hosts that are who they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.drive import wait_for
from tests.multihost.conftest import Corpus
from tests.multihost.sample import EXTRACT, run_words
from tests.ssh.site import SshSite, make_key

pytestmark = pytest.mark.slow


def test_run_over_ssh_is_a_local_run_and_leaves_nothing(
    site: SshSite, sample: Corpus, tmp_path: Path
) -> None:
    file = site.cluster_file(tmp_path)
    ended = site.call(run_words(sample, tmp_path / "out", "--cluster", str(file)))
    assert ended.code == 0, ended.err
    sample.check(tmp_path / "out")
    wait_for(lambda: site.left_running() == [], seconds=20)


def test_describe_shows_a_worker_of_each_host_over_tls(site: SshSite, tmp_path: Path) -> None:
    file = site.cluster_file(tmp_path)
    ended = site.call([*EXTRACT, "cluster", "describe", "--cluster", str(file), "--json"])
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["scheduler"].startswith(f"tls://{site.nodes[0].host.address}:")
    hosts = {worker["address"].split("//")[1].partition(":")[0] for worker in told["workers"]}
    assert hosts <= {node.host.address for node in site.nodes}
    assert {str(worker["versions"]) for worker in told["workers"]} == {str(told["versions"])}
    wait_for(lambda: site.left_running() == [], seconds=20)


@pytest.mark.parametrize("name", ["n1", "n2"])  # the first would also run the scheduler
def test_host_with_another_key_is_refused_in_one_line(
    site: SshSite, sample: Corpus, tmp_path: Path, name: str
) -> None:
    true = (site.folder / "known_hosts").read_text("ascii").splitlines()
    lines = [f"{name} {make_key(tmp_path / 'false')}", *(line for line in true if not line.startswith(name))]
    known = tmp_path / "known_hosts"
    known.write_text("\n".join([*lines, ""]), encoding="ascii")
    file = site.cluster_file(tmp_path, known_hosts=known)
    ended = site.call(run_words(sample, tmp_path / "out", "--cluster", str(file)))
    assert ended.code == 75
    assert len(ended.err.splitlines()) == 1, ended.err
    assert "key" in ended.err
    assert str(known) in ended.err
    assert name in ended.err
    wait_for(lambda: site.left_running() == [], seconds=60)


def test_user_who_is_not_let_in_is_told_in_one_line(site: SshSite, sample: Corpus, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    file = site.cluster_file(tmp_path, key=tmp_path / "other")
    ended = site.call(run_words(sample, tmp_path / "out", "--cluster", str(file)))
    assert ended.code == 75
    assert len(ended.err.splitlines()) == 1, ended.err
    assert "Permission denied" in ended.err
