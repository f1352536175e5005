"""Weights that processes share are complete, this user's own, and never believed without a check."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import extract.session
from extract.bundle import MODEL, ModelBundle, open_bundle
from extract.errors import BundleError
from extract.registry import find_bundle
from extract.session import is_aligned
from extract.tagger import open_tagger
from extract.weights import GRAPH, KEPT, WEIGHTS, require_weights

TEXTS = ["OS was 14.1 months (95% CI, 6 to 7).", "none here"]


def write(folder: Path) -> None:
    (folder / GRAPH).write_bytes(b"graph")
    (folder / WEIGHTS).write_bytes(b"weights")


def write_never(folder: Path) -> None:
    raise AssertionError(folder)


@pytest.fixture
def worth_sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extract.session, "WORTH_SHARING", 0)
    monkeypatch.setattr(extract.session, "products_saturate", lambda: False)
    # The tiny model's weights stay in the graph, but for a few whose places happen to suit.
    monkeypatch.setattr(extract.session, "is_aligned", lambda shape: True)


def test_entry_is_made_once_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    graph = require_weights(folder, "a", write)
    assert graph.read_bytes() == b"graph"
    assert require_weights(folder, "a", write_never) == graph
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_entry_that_another_process_made_meanwhile_is_used(tmp_path: Path) -> None:
    def slow(aside: Path) -> None:
        require_weights(tmp_path / "shared", "a", write)
        (aside / GRAPH).write_bytes(b"second")
        (aside / WEIGHTS).write_bytes(b"second")

    assert require_weights(tmp_path / "shared", "a", slow).read_bytes() == b"graph"
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["a"]


@pytest.mark.parametrize("name", [GRAPH, WEIGHTS, "index.json"])
def test_changed_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "shared"
    file = require_weights(folder, "a", write).with_name(name)
    data = bytearray(file.read_bytes())
    data[2] ^= 1
    file.write_bytes(data)
    with pytest.raises(BundleError, match="shared weights refused") as caught:
        require_weights(folder, "a", write)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("which", ["shared", "shared/a"])
def test_folder_that_others_may_write_to_is_refused(tmp_path: Path, which: str) -> None:
    require_weights(tmp_path / "shared", "a", write)
    (tmp_path / which).chmod(0o777)
    with pytest.raises(BundleError, match="others may change"):
        require_weights(tmp_path / "shared", "a", write_never)


def test_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "shared").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError, match="refused"):
        require_weights(tmp_path / "shared", "a", write)


def test_failed_writer_leaves_nothing(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        write(folder)
        raise BundleError("the disk is full")

    with pytest.raises(BundleError, match="disk is full"):
        require_weights(tmp_path / "shared", "a", fail)
    assert list((tmp_path / "shared").iterdir()) == []


def test_oldest_entries_make_room(tmp_path: Path) -> None:
    for number in range(KEPT + 2):
        entry = require_weights(tmp_path, f"entry{number}", write).parent
        os.utime(entry, (number, number))
    require_weights(tmp_path, "newest", write)
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == KEPT
    assert "newest" in left
    assert "entry0" not in left


@pytest.mark.usefixtures("worth_sharing")
def test_shared_weights_answer_the_same_bits(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    own = open_tagger(tiny_bundle).logits(TEXTS)
    for _ in range(2):
        tagger = open_tagger(tiny_bundle, tmp_path / "shared")
        assert tagger.shares_weights
        for ours, theirs in zip(own, tagger.logits(TEXTS), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.usefixtures("worth_sharing")
def test_damaged_weights_cost_memory_not_answers(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    open_tagger(tiny_bundle, folder)
    (graph,) = folder.glob(f"*/{GRAPH}")
    graph.write_bytes(b"")
    tagger = open_tagger(tiny_bundle, folder)
    assert "shared weights refused" in tagger.note
    np.testing.assert_array_equal(tagger.logits(TEXTS)[0], open_tagger(tiny_bundle).logits(TEXTS)[0])


@pytest.mark.usefixtures("worth_sharing")
def test_other_weights_do_not_share_an_entry(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    open_tagger(tiny_bundle, tmp_path / "shared")
    entry = replace(tiny_bundle.files[MODEL], sha256="0" * 64)
    open_tagger(replace(tiny_bundle, files={**tiny_bundle.files, MODEL: entry}), tmp_path / "shared")
    assert len(list((tmp_path / "shared").iterdir())) == 2


def test_small_model_is_not_worth_it(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    tagger = open_tagger(tiny_bundle, tmp_path / "shared")
    assert (tagger.shares_weights, tagger.note) == (False, "")
    assert not (tmp_path / "shared").exists()


@pytest.mark.parametrize(
    ("changes", "aligned"),
    [
        ({}, True),
        ({"vocab_size": 30_528}, True),
        ({"vocab_size": 30_522}, False),  # BERT's: the scales of its rows end between two multiples
        ({"hidden_width": 312}, False),
        ({"neurons_per_layer": (1_536, 1_001)}, False),
        ({"heads_per_layer": (3,), "head_width": 20}, False),
    ],
)
def test_weights_whose_places_end_the_process_are_not_shared(changes: dict[str, Any], aligned: bool) -> None:
    shape = replace(open_bundle(find_bundle("pruned25-int8")).shape, **changes)
    assert is_aligned(shape) is aligned


def test_unaligned_model_works_with_weights_of_its_own(
    tiny_bundle: ModelBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extract.session, "WORTH_SHARING", 0)
    assert not is_aligned(tiny_bundle.shape)
    assert not open_tagger(tiny_bundle, tmp_path / "shared").shares_weights


def _require_slowly(folder: Path) -> bytes:
    return require_weights(folder, "a", write).read_bytes()


def test_processes_that_start_together_all_read_a_whole_entry(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        read = pool.map(_require_slowly, [tmp_path / "shared"] * 16, chunksize=1)
    assert read == [b"graph"] * 16
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["a"]
