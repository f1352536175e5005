"""A second opinion in a run: the parent is found by what it tells of itself, and never changes a row."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compress.building.publish import write_manifest
from extract.bundle import ModelBundle
from extract.commits import read_commits
from jobs.errors import SettingsMismatch
from jobs.model import BundleSource, find_model
from jobs.parent import find_shadow
from tests.corpus import make_citation, write_medline
from tests.faults.auditor import audit, rows_of
from tests.jobs.conftest import RunJob


def copy_bundle(bundle: ModelBundle, folder: Path, **changes: Any) -> Path:
    """The same model under another name and lineage."""
    shutil.copytree(bundle.path, folder)
    write_manifest(replace(bundle, path=folder, **changes))
    return folder


@pytest.fixture
def family(tiny_bundle: ModelBundle, tmp_path: Path) -> Path:
    """A folder with a model, its dense parent (which leaves out unsure mentions) and a stranger."""
    folder = tmp_path / "models"
    folder.mkdir()
    first = {"step": "train", "seed": 1}
    unsure = replace(tiny_bundle.reading, min_score=0.9)
    copy_bundle(tiny_bundle, folder / "child", lineage=(first, {"step": "quantize"}))
    copy_bundle(tiny_bundle, folder / "a-stranger", name="dense", lineage=({"step": "train", "seed": 2},))
    copy_bundle(tiny_bundle, folder / "dense-fp32", name="dense", lineage=(first,), reading=unsure)
    return folder


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_medline(tmp_path / "in" / "a.xml.gz", [make_citation(pmid) for pmid in range(1, 41)])


def found(folder: Path, wanted: str | None = None) -> BundleSource | None:
    return find_shadow(find_model(str(folder / "child")), wanted)


def test_parent_is_the_bundle_whose_making_is_the_beginning(family: Path) -> None:
    shadow = found(family)
    assert shadow is not None
    assert shadow.path.name == "dense-fp32"
    assert find_shadow(find_model(str(family / "dense-fp32")), None) is None
    assert found(family, "none") is None
    assert found(family, str(family / "a-stranger")) is not None
    shutil.rmtree(family / "dense-fp32")
    assert found(family) is None


def test_model_of_other_labels_is_refused(family: Path, tiny_bundle: ModelBundle) -> None:
    tags = tuple(tag.replace("ORR", "PFS") for tag in tiny_bundle.tags)
    other = copy_bundle(tiny_bundle, family / "other", tags=tags)
    with pytest.raises(SettingsMismatch, match="got ORR, OS|got OS, PFS"):
        found(family, str(other))


def test_second_opinion_is_counted_and_changes_no_row(
    run: RunJob, corpus: Path, family: Path, tmp_path: Path
) -> None:
    model = find_model(str(family / "child"))
    plain = run(corpus, model=model, out=tmp_path / "plain")
    told = run(corpus, model=model, shadow=found(family), shadow_share=1.0, slice_records=7).to_dict()
    assert audit(tmp_path / "out", [corpus]) == []
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "plain")
    assert plain.to_dict()["shadow"] is None
    shadow = told["shadow"]
    assert shadow["sentences"] == told["sentences"]
    assert shadow["both"] + shadow["only_model"] == told["entities"]
    assert shadow["problem"] == ""
    assert shadow["agreement"] is not None
    again = run(corpus, model=model, out=tmp_path / "again", shadow=found(family), shadow_share=1.0).to_dict()
    assert {**again["shadow"], "cpu_seconds": 0} == {**shadow, "cpu_seconds": 0}


def test_sample_is_a_share(run: RunJob, corpus: Path, family: Path) -> None:
    told = run(
        corpus, model=find_model(str(family / "child")), shadow=found(family), shadow_share=0.2
    ).to_dict()
    assert 0.1 < told["shadow"]["sentences"] / told["sentences"] < 0.3


def test_broken_parent_is_told_and_stops_nothing(
    run: RunJob, corpus: Path, family: Path, tmp_path: Path
) -> None:
    shadow = found(family)
    assert shadow is not None
    shadow = replace(shadow, sha256="0" * 64)  # a worker keeps the one it has opened
    report = run(corpus, model=find_model(str(family / "child")), shadow=shadow, shadow_share=1.0)
    assert report.status == "done"
    assert report.to_dict()["shadow"]["problem"] == "model_hash_mismatch"
    assert audit(tmp_path / "out", [corpus]) == []


def test_nothing_is_padded_and_that_is_measured(run: RunJob, corpus: Path) -> None:
    told = run(corpus).to_dict()
    assert told["padding"] == 0
    assert told["tokens_computed"] > told["tokens"] > 0
    assert told["sentences_computed"] == told["sentences"]


def test_records_of_older_versions_are_read(run: RunJob, corpus: Path, tmp_path: Path) -> None:
    run(corpus)
    for path in (tmp_path / "out" / "_commits").iterdir():
        record = json.loads(path.read_text())
        for name in ("evidence", "shadow", "computed"):
            del record[name]
        path.write_text(json.dumps(record))
    (commit, *_) = read_commits(tmp_path / "out").values()
    assert (commit.shadow, dict(commit.evidence), dict(commit.computed)) == (None, {}, {})
