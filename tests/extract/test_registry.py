"""A model is found by its name or by its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from extract.bundle import ModelBundle, open_bundle
from extract.errors import UnknownModel
from extract.registry import DEFAULT_MODEL, find_bundle, list_bundles


def test_default_model_comes_with_the_package() -> None:
    assert find_bundle(DEFAULT_MODEL) in list_bundles()
    assert open_bundle(find_bundle(DEFAULT_MODEL)).name == DEFAULT_MODEL


def test_card_of_the_default_model_names_its_identity() -> None:
    bundle = open_bundle(find_bundle(DEFAULT_MODEL))
    assert f"`{bundle.sha256}`" in (bundle.path / "README.md").read_text("utf-8")


def test_folder_is_accepted_where_a_name_is(tiny_bundle: ModelBundle) -> None:
    assert find_bundle(str(tiny_bundle.path)) == tiny_bundle.path


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match=rf"got 'pruned99'.*one of: .*{DEFAULT_MODEL}"):
        find_bundle("pruned99")


def test_folder_without_manifest_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"a folder without model\.json"):
        find_bundle(str(tmp_path))
