"""One command from a checkpoint to a bundle that runs in production."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compress.building.build import BuildConfig, build
from compress.building.lesson import Reader
from compress.building.ruled import give_rules
from compress.building.rules import derive_rules
from compress.checkpoint import write_checkpoint
from compress.errors import CompressError, DataError
from compress.pruning.iterate import PruneConfig
from compress.pruning.methods.method import find_method
from extract.annotations import read_annotations
from extract.bundle import ModelBundle, open_bundle
from extract.errors import UnknownModel
from extract.rules import NO_RULES, LabelRules, MentionRules
from extract.tagger import open_tagger
from tests.compress.conftest import TAGS, build_config, build_model, build_tokenizer, make_sentences

QUICK = PruneConfig(steps=2, scoring_windows=8, reconstruction_windows=24)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    write_checkpoint(folder, build_model(), build_tokenizer(), ({"step": "train", "seed": 0},))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for name in ("train", "test"):
        rows = [
            {
                "id": s.id,
                "text": s.text,
                "entities": [{"start": e.start, "end": e.end, "label": e.label} for e in s.entities],
            }
            for s in make_sentences()
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def make(name: str, checkpoint: Path, data: Path, target: Path) -> ModelBundle:
    return build(BuildConfig(name, str(checkpoint), data, target, prune=QUICK, max_tokens=64, overlap=16))


def test_pruned_int8_bundle_is_smaller_and_says_how_it_came_to_be(
    checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    dense = make("dense", checkpoint, data, tmp_path / "dense")
    pruned = make("pruned50-int8", checkpoint, data, tmp_path / "pruned")
    assert pruned.macs_removed >= 0.5
    assert sum(pruned.shape.neurons_per_layer) + sum(pruned.shape.heads_per_layer) < 2 * (64 + 4)
    assert pruned.n_bytes < dense.n_bytes
    assert [step["step"] for step in pruned.lineage] == ["train", "prune", "quantize"]
    assert pruned.scores["f1_dense"] == dense.scores["f1"] == dense.scores["f1_dense"]
    card = (pruned.path / "README.md").read_text()
    assert pruned.sha256 in card


def test_int8_answers_nearly_as_dense(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    texts = [sentence.text for sentence in make_sentences()]
    dense, int8 = (
        np.concatenate(open_tagger(make(name, checkpoint, data, tmp_path / name)).logits(texts))
        for name in ("dense", "int8")
    )
    assert np.abs(dense - int8).max() < 0.05 * np.ptp(dense)
    assert (dense.argmax(axis=1) == int8.argmax(axis=1)).mean() > 0.97


def test_same_settings_give_the_same_model(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    first, second = (make("pruned25-int8", checkpoint, data, tmp_path / name) for name in ("a", "b"))
    assert first.sha256 == second.sha256


def test_wrong_name_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="not a variant name"):
        make("small", tmp_path / "no", tmp_path / "no", tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_missing_split_is_named(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match="no train file"):
        make("int8", checkpoint, tmp_path / "data", tmp_path / "target")


def test_data_of_other_labels_is_refused_and_nothing_is_left(data: Path, tmp_path: Path) -> None:
    other = build_model(build_config(labels=("O", "B-Drug", "I-Drug")))
    write_checkpoint(tmp_path / "other", other, build_tokenizer())
    with pytest.raises(DataError, match="labels that the model does not have.*OS, PFS"):
        make("int8", tmp_path / "other", data, tmp_path / "target")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_one_annotated_file_is_enough(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    bundle = make("int8", checkpoint, data / "train.jsonl", tmp_path / "int8")
    assert 0 < bundle.scores["data"]["sentences"] < 24 / 2
    assert bundle.scores["data"]["name"] == "train.jsonl"


def test_existing_target_is_refused(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(CompressError, match="the target exists"):
        make("int8", checkpoint, data, tmp_path)


def test_tags_of_the_checkpoint_become_the_bundles(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    assert make("int8", checkpoint, data, tmp_path / "int8").tags == TAGS


@pytest.mark.parametrize("name", ["fisher-kwon", "layers", "random", "l1"])
def test_every_kind_of_method_gives_a_bundle_that_runs(
    checkpoint: Path, data: Path, tmp_path: Path, name: str
) -> None:
    method = find_method(name)
    config = BuildConfig(
        "pruned50-int8",
        str(checkpoint),
        data,
        tmp_path / name,
        method=name,
        prune=method.configure(scoring_windows=8, reconstruction_windows=24, finetune_epochs=0),
        max_tokens=64,
        overlap=16,
    )
    bundle = build(config)
    step = bundle.lineage[1]
    assert step["method"] == name
    assert len(open_tagger(bundle).logits(["median OS was 3.0 months"])) == 1
    if method.structured:
        assert bundle.macs_removed >= 0.5
    else:
        assert bundle.macs_removed == 0
        assert step["weights_zeroed"] == 0.5
        assert step["linear_bytes"]["bitmap"] < step["linear_bytes"]["dense"]


def test_distillation_on_unlabelled_text_is_part_of_the_lineage(
    checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    text = tmp_path / "text.jsonl"
    text.write_text(
        json.dumps({"doc": "1", "paragraphs": ["Median OS was 8.5 months. Median PFS was 3 months."]})
    )
    config = BuildConfig(
        "pruned50-int8", str(checkpoint), data, tmp_path / "distilled", prune=QUICK, max_tokens=64, overlap=16
    )
    bundle = build(replace(config, reader=Reader((text,))))
    assert [step["step"] for step in bundle.lineage] == ["train", "prune", "distil", "quantize"]
    assert bundle.lineage[2]["sentences"] == 2
    assert bundle.lineage[2]["training_windows"] > 2
    plain = build(replace(config, target=tmp_path / "plain"))
    assert plain.sha256 != bundle.sha256


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"reader": Reader(())}, "nothing to distil on"),
        ({"reader": Reader((Path("t"),)), "method": "l1"}, "fill the zeros again"),
        ({"method": "magic"}, "unknown method"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_read(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    config = BuildConfig("pruned50-int8", "nowhere", tmp_path / "nothing", tmp_path / "target", **changes)
    with pytest.raises(CompressError, match=complaint):
        build(config)
    assert not (tmp_path / "target").exists()


def test_integer_only_variant_runs_like_any_other(checkpoint: Path, data: Path, tmp_path: Path) -> None:
    bundle = make("ibert", checkpoint, data, tmp_path / "ibert")
    assert "I-BERT" in bundle.lineage[-1]["functions"]
    assert bundle.macs_removed == 0
    assert len(open_tagger(bundle).logits(["median OS was 3.0 months"])) == 1


def test_rules_of_the_training_data_or_of_the_team_are_built_in(
    checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    sentences = read_annotations(data / "train.jsonl")
    assert make("dense", checkpoint, data, tmp_path / "own").reading.rules == derive_rules(sentences)
    stated = MentionRules(labels={"OS": LabelRules(units=(" months",), min_score=0.9)})
    config = BuildConfig("dense", str(checkpoint), data, tmp_path / "stated", max_tokens=64, overlap=16)
    bundle = build(replace(config, rules=stated))
    assert open_bundle(bundle.path).reading.rules == stated
    assert open_tagger(bundle).bundle.reading.rules == stated


def test_rules_given_later_are_those_of_a_build_with_them(
    checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    config = BuildConfig(
        "pruned50-int8", str(checkpoint), data, tmp_path / "plain", prune=QUICK, max_tokens=64, overlap=16
    )
    plain = build(replace(config, rules=NO_RULES))
    built = build(replace(config, target=tmp_path / "built"))
    assert built.reading.rules != NO_RULES
    ruled = give_rules(plain.path, built.reading.rules, dense=str(checkpoint), data=data)
    assert (ruled.sha256, ruled.files) == (built.sha256, built.files)
    kept = {name: value for name, value in built.scores.items() if name != "tokens_per_second"}
    assert {name: value for name, value in ruled.scores.items() if name != "tokens_per_second"} == kept
    assert [step["step"] for step in ruled.lineage][-1] == "rules"
    assert ruled.sha256 in (plain.path / "README.md").read_text()


def test_rules_are_given_only_with_the_checkpoint_of_the_bundle(
    checkpoint: Path, data: Path, tmp_path: Path
) -> None:
    bundle = make("int8", checkpoint, data, tmp_path / "int8")
    other = build_config(labels=(*TAGS, "B-DFS", "I-DFS"))
    write_checkpoint(tmp_path / "other", build_model(other), build_tokenizer())
    with pytest.raises(CompressError, match="other labels"):
        give_rules(bundle.path, NO_RULES, dense=str(tmp_path / "other"), data=data)
    assert open_bundle(bundle.path).sha256 == bundle.sha256
