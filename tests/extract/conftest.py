"""The tiny model, loaded."""

from __future__ import annotations

import pytest

from extract.bundle import ModelBundle
from extract.tagger import Tagger, open_tagger


@pytest.fixture(scope="session")
def tiny_tagger(tiny_bundle: ModelBundle) -> Tagger:
    return open_tagger(tiny_bundle)
