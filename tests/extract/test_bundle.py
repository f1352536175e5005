"""A bundle is used only when every byte is the one that was published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from extract.bundle import MANIFEST, MODEL, TOKENIZER, ModelBundle, open_bundle, read_manifest
from extract.errors import BundleError
from extract.rules import NO_RULES


@pytest.fixture
def copy(tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "copy"))


def edit(folder: Path, **changes: Any) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, **changes}))


def test_manifest_survives_reading_and_writing(tiny_bundle: ModelBundle) -> None:
    manifest = json.loads((tiny_bundle.path / MANIFEST).read_text())
    assert json.loads(json.dumps(read_manifest(tiny_bundle.path).to_dict())) == manifest


def test_labels_come_in_the_order_of_their_tags(tiny_bundle: ModelBundle) -> None:
    assert tiny_bundle.labels == ("ORR", "OS")


@pytest.mark.parametrize("name", [MODEL, TOKENIZER])
def test_one_flipped_bit_is_refused(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"model_hash_mismatch in .*{name}: got .* expected"):
        open_bundle(copy)


def test_truncated_model_is_refused(copy: Path) -> None:
    data = (copy / MODEL).read_bytes()
    (copy / MODEL).write_bytes(data[:-1])
    with pytest.raises(BundleError, match="model_hash_mismatch"):
        open_bundle(copy)


def test_missing_tokenizer_is_refused(copy: Path) -> None:
    (copy / TOKENIZER).unlink()
    with pytest.raises(BundleError, match="no such file"):
        open_bundle(copy)


def test_symbolic_link_is_refused(copy: Path, tiny_bundle: ModelBundle) -> None:
    (copy / MODEL).unlink()
    (copy / MODEL).symlink_to(tiny_bundle.model_path)
    with pytest.raises(BundleError, match="a symbolic link"):
        open_bundle(copy)


def test_file_outside_the_folder_is_refused(copy: Path) -> None:
    manifest = json.loads((copy / MANIFEST).read_text())
    files = {**manifest["files"], "../secret": manifest["files"][MODEL]}
    edit(copy, files=files)
    with pytest.raises(BundleError, match=r"malformed manifest.*'\.\./secret'"):
        open_bundle(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"tags": ["O", "B-OS"]},
        {"files": {}},
        {"shape": {}},
        {"reading": {"max_tokens": 3}},
        {"probe": None},
    ],
)
def test_malformed_manifest_is_refused(copy: Path, changes: dict[str, Any]) -> None:
    edit(copy, **changes)
    with pytest.raises(BundleError, match="malformed manifest"):
        read_manifest(copy)


def test_manifest_that_is_no_json_is_refused(copy: Path) -> None:
    (copy / MANIFEST).write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(BundleError, match="unreadable manifest"):
        read_manifest(copy)


def test_identity_follows_answers_not_scores(copy: Path, tiny_bundle: ModelBundle) -> None:
    edit(copy, scores={"f1": 0.5})
    assert read_manifest(copy).sha256 == tiny_bundle.sha256
    edit(copy, reading={**json.loads((copy / MANIFEST).read_text())["reading"], "whole_numbers": False})
    assert read_manifest(copy).sha256 != tiny_bundle.sha256


def test_rules_are_read_from_the_manifest_and_change_the_identity(
    copy: Path, tiny_bundle: ModelBundle
) -> None:
    reading = json.loads((copy / MANIFEST).read_text())["reading"]
    assert "rules" not in reading, "a bundle without rules is written as before there were any"
    edit(copy, reading={**reading, "rules": {"labels": {"OS": {"units": ["%"]}}}})
    bundle = open_bundle(copy)
    assert bundle.reading.rules.labels["OS"].units == ("%",)
    assert bundle.sha256 != tiny_bundle.sha256
    assert json.loads(json.dumps(bundle.to_dict()["reading"])) == {
        **reading,
        "rules": {"whole_words": False, "labels": {"OS": {"units": ["%"]}}},
    }
    edit(copy, reading={**reading, "rules": {"labels": {"OS": {"unit": ["%"]}}}})
    with pytest.raises(BundleError, match="malformed manifest.*unknown rules"):
        open_bundle(copy)


def test_a_manifest_from_before_there_were_rules_or_thresholds_opens(copy: Path) -> None:
    reading = json.loads((copy / MANIFEST).read_text())["reading"]
    edit(copy, reading={name: value for name, value in reading.items() if name != "min_score"})
    assert open_bundle(copy).reading.rules == NO_RULES
