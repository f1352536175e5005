"""Fixtures that every package's tests may use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from extract.bundle import ModelBundle

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
