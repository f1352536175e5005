"""A tiny bundle, built once for all tests of a run that only read it."""

from __future__ import annotations

import pytest

from extract.bundle import ModelBundle
from extract.tagger import Tagger, open_tagger
from tests.tiny import build_tiny_bundle


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    return build_tiny_bundle(tmp_path_factory.mktemp("models") / "int8")


@pytest.fixture(scope="session")
def tiny_tagger(tiny_bundle: ModelBundle) -> Tagger:
    return open_tagger(tiny_bundle)
