"""Fixtures that every package's tests may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from extract.bundle import ModelBundle
from tests.objectstore import Bucket, Website, new_bucket, served_http, served_s3

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"

# The same examples every time, on machines that may be busy. `--hypothesis-profile=explore` looks for others.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that may not be committed; where it is absent the test is skipped, and the summary says so."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the data folder {SHARED_DATA}, which is not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """A real bundle that finds numbers, built once for all tests that only read it."""
    pytest.importorskip("torch", reason="building a bundle needs the extra packages of [compress]")
    from tests.tiny import build_tiny_bundle

    return build_tiny_bundle(tmp_path_factory.mktemp("tiny") / "int8")


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server that every ``s3://`` of this process leads to from now on."""
    pytest.importorskip("moto.server", reason="the S3 server needs the extra packages of [dev]")
    pytest.importorskip("s3fs", reason="s3:// needs the extra packages of [s3]")
    with served_s3(tmp_path_factory.mktemp("s3")) as endpoint:
        yield endpoint


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    """An empty bucket."""
    return new_bucket(s3_endpoint)


@pytest.fixture
def website(tmp_path: Path) -> Iterator[Website]:
    """An empty folder that is served over HTTP."""
    pytest.importorskip("aiohttp", reason="http:// needs the extra packages of [http]")
    folder = tmp_path / "website"
    folder.mkdir()
    with served_http(folder) as site:
        yield site
