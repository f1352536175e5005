"""A bundle appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress.building.publish import PROBE_SENTENCES, published
from compress.errors import CompressError
from extract.bundle import open_bundle
from extract.tagger import open_tagger
from tests.tiny import build_tiny_bundle


def test_folder_appears_when_all_went_well(tmp_path: Path) -> None:
    with published(tmp_path / "deep" / "model") as folder:
        (folder / "file").write_text("x")
        assert not (tmp_path / "deep" / "model").exists()
    assert (tmp_path / "deep" / "model" / "file").read_text() == "x"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), published(tmp_path / "model") as folder:
        (folder / "file").write_text(str(1 // 0))
    assert list(tmp_path.iterdir()) == []


def test_existing_folder_is_never_touched(tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="the target exists"), published(tmp_path):
        pass


def test_golden_probe_is_taken_where_the_bundle_is_built(tmp_path: Path) -> None:
    bundle = build_tiny_bundle(tmp_path / "model")
    assert bundle.probe.sentences == PROBE_SENTENCES
    tagger = open_tagger(open_bundle(bundle.path))
    assert [len(row) for row in bundle.probe.tags] == [len(rows) for rows in tagger.logits(PROBE_SENTENCES)]
    speaks = [any(tag != 0 for tag in row) for row in bundle.probe.tags]
    assert speaks == [True, True, True, True]
