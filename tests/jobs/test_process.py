"""A worker tells what it costs, and when it cannot share what it should."""

from __future__ import annotations

from pathlib import Path

import pytest

import extract.session
import jobs.model
from extract.bundle import ModelBundle
from jobs.model import BundleSource
from jobs.process import private_bytes


def source_of(bundle: ModelBundle) -> BundleSource:
    return BundleSource(bundle.path, bundle.name, bundle.sha256)


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(extract.session, "WORTH_SHARING", 0)
    monkeypatch.setattr(extract.session, "products_saturate", lambda: False)
    monkeypatch.setattr(extract.session, "is_aligned", lambda shape: True)  # as of the tiny one
    monkeypatch.setattr(jobs.model, "shared_weights_folder", lambda: tmp_path / "shared")
    return tmp_path / "shared"


def test_private_memory_grows_with_what_is_kept() -> None:
    before = private_bytes()
    if before is None:
        pytest.skip("no /proc/self/smaps_rollup here")
    kept = bytes(1) * 2**25
    after = private_bytes()
    assert after is not None
    assert 0.9 * len(kept) < after - before < 1.5 * len(kept)


def test_opened_model_shares_its_weights_and_tells_the_time(tiny_bundle: ModelBundle, shared: Path) -> None:
    model = source_of(tiny_bundle).open()
    assert (model.shares_weights, model.note) == (True, "")
    assert 0 < model.open_seconds < 60
    assert len(list(shared.iterdir())) == 1


def test_model_opens_and_says_why_where_weights_cannot_be_shared(
    tiny_bundle: ModelBundle, shared: Path
) -> None:
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    model = source_of(tiny_bundle).open()
    assert not model.shares_weights
    assert "others may change" in model.note
    assert "\n" not in model.note
