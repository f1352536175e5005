"""A folder of certificates opens one cluster, is closed to others, and lets nobody add to it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import yaml
from distributed.security import Security

from cluster import ClusterConfig, ClusterRefused
from cluster.certificates import write_certificates
from cluster.tls import TlsFiles, files_in, security_of, tls_files


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    pytest.importorskip("cryptography", reason="making certificates needs the packages of [tls]")
    return write_certificates(tmp_path_factory.mktemp("a") / "tls")


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """A TLS handshake in memory.

    :raises ssl.SSLError: when one side does not take the other's certificate.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_side=False),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    for end in ends:  # with TLS 1.3 a client learns that it was refused when it reads
        try:
            end.read(1)
        except ssl.SSLWantReadError:
            continue


def contexts(security: Security) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a scheduler listens with, and what a worker connects with."""
    listen = security.get_listen_args("scheduler")["ssl_context"]
    return listen, security.get_connection_args("worker")["ssl_context"]


def test_folder_and_keys_are_closed_to_others(made: TlsFiles) -> None:
    folder = Path(made.ca).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_authoritys_own_key_is_nowhere(made: TlsFiles) -> None:
    names = {path.name for path in Path(made.ca).parent.glob("*key*")}
    assert names == {"scheduler-key.pem", "worker-key.pem", "client-key.pem"}


def test_members_of_a_cluster_know_each_other(made: TlsFiles) -> None:
    security = security_of(made)
    assert security is not None
    shake_hands(*contexts(security))


def test_certificate_of_another_cluster_is_refused(made: TlsFiles, tmp_path: Path) -> None:
    other = security_of(write_certificates(tmp_path / "other"))
    own = security_of(made)
    assert own is not None
    assert other is not None
    with pytest.raises(ssl.SSLError):
        shake_hands(contexts(own)[0], contexts(other)[1])


def test_caller_without_a_certificate_is_refused(made: TlsFiles) -> None:
    own = security_of(made)
    assert own is not None
    stranger = ssl.create_default_context(cafile=made.ca)
    stranger.check_hostname = False
    with pytest.raises(ssl.SSLError):
        shake_hands(contexts(own)[0], stranger)


def test_settings_name_the_folder_as_hosts_see_it(tmp_path: Path) -> None:
    write_certificates(tmp_path / "tls", seen_at=Path("/tls"))
    settings = yaml.safe_load((tmp_path / "tls" / "dask.yaml").read_text("utf-8"))["distributed"]
    assert settings["comm"]["require-encryption"] is True
    assert settings["comm"]["tls"]["ca-file"] == "/tls/ca.pem"
    assert settings["comm"]["tls"]["worker"] == {"cert": "/tls/worker-cert.pem", "key": "/tls/worker-key.pem"}
    assert settings["scheduler"]["allowed-failures"] == 0


def test_existing_folder_is_left_alone(made: TlsFiles) -> None:
    with pytest.raises(ClusterRefused, match="not there"):
        write_certificates(Path(made.ca).parent)


def test_missing_or_open_keys_are_refused(made: TlsFiles, tmp_path: Path) -> None:
    with pytest.raises(ClusterRefused, match="no certificate or key"):
        tls_files(ClusterConfig(tls=str(tmp_path)))
    folder = tmp_path / "open"
    write_certificates(folder)
    assert tls_files(ClusterConfig(tls=str(folder))) == files_in(folder)
    (folder / "worker-key.pem").chmod(0o644)
    with pytest.raises(ClusterRefused, match="everybody"):
        tls_files(ClusterConfig(tls=str(folder)))
