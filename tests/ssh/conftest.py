"""Fixtures of the tests on real SSH servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cluster.certificates import write_certificates
from extract.bundle import ModelBundle
from tests.multihost.conftest import Corpus
from tests.multihost.machine import name_hosts
from tests.multihost.network import opened_network
from tests.multihost.sample import run_locally
from tests.ssh.site import SshSite, need_ssh


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshSite]:
    """A machine to start from and two hosts with an SSH server each."""
    need_ssh()
    with opened_network(3) as hosts:
        folder = tmp_path_factory.mktemp("ssh")
        site = SshSite(name_hosts(hosts, ("driver", "n1", "n2"), folder), folder)
        write_certificates(folder / "tls")
        try:
            site.start({})
            yield site
        finally:
            site.stop()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, tiny_bundle: ModelBundle) -> Corpus:
    return run_locally(tmp_path_factory.mktemp("sample"), tiny_bundle)
