import json
import re
from dataclasses import asdict, replace

import pytest
from lxml import etree

from compress.checkpoint import read_checkpoint, read_history, write_checkpoint
from compress.errors import CheckpointError, DataError
from compress.folds import read_folds
from compress.training.finetune import FinetuneConfig, finetune
from compress.training.train import TrainConfig
from extract.annotations import read_annotations
from tests.compress.conftest import make_sentences

QUICK = TrainConfig(epochs=2, batch_size=4, body_rate=3e-3, head_rate=1e-2, bf16=False)


def write_sentences(path, sentences):
    lines = [
        json.dumps(
            {"id": s.id, "doc": s.doc, "text": s.text, "entities": [asdict(span) for span in s.entities]}
        )
        for s in sentences
    ]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def config(tmp_path, model, tokenizer):
    write_checkpoint(tmp_path / "base", model, tokenizer)
    data = tmp_path / "data"
    data.mkdir()
    write_sentences(data / "train.jsonl", make_sentences(18))
    write_sentences(data / "dev.jsonl", make_sentences(24)[18:])
    return FinetuneConfig(str(tmp_path / "base"), data, tmp_path / "out", train=QUICK)


def test_a_trained_checkpoint_says_how_it_was_made(config):
    result = finetune(config)
    model, _ = read_checkpoint(config.target)
    assert model.config.labels == ("O", "B-OS", "I-OS", "B-PFS", "I-PFS")
    (step,) = read_history(config.target)
    assert (step["step"], step["best_epoch"], step["sentences"]) == ("train", result.best_epoch, 18)
    training = json.loads((config.target / "training.json").read_text())
    assert len(training["epochs"]) == 2
    assert "OS" in training["epochs"][0]["scores"]["per_label"]


def test_training_again_adds_to_the_history(config):
    finetune(config)
    again = replace(config, base=str(config.target), target=config.target.with_name("again"))
    finetune(again)
    assert len(read_history(again.target)) == 2


def test_vocabulary_is_trimmed_with_the_model(config):
    finetune(replace(config, vocab_size=90))
    model, tokenizer = read_checkpoint(config.target)
    assert model.config.vocab_size == tokenizer.get_vocab_size() < 101


def test_counterfactual_sentences_are_trained_on_beside_the_others(config, tmp_path):
    families = [{"label": label, "long": [f"{label} long"], "short": [label]} for label in ("OS", "PFS")]
    table = tmp_path / "swaps.json"
    table.write_text(json.dumps({"groups": [families], "unless": "(?!)"}))
    told = []
    finetune(replace(config, swaps=table), report=told.append)
    (step,) = read_history(config.target)
    assert step["swaps"]
    assert step["sentences"] > 18
    assert f"{step['sentences']} sentences to train on" in told[0]


def test_dev_may_be_learnt_from_once_all_is_chosen(config):
    told = []
    result = finetune(replace(config, with_dev=True), report=told.append)
    assert told[0] == "24 sentences to train on, 0 to choose by, 2 labels"
    assert result.best_epoch == len(result.epochs) == 2
    assert all(epoch.scores is None for epoch in result.epochs)
    (step,) = read_history(config.target)
    assert (step["sentences"], step["dev_sentences"], step["dev_f1"]) == (24, 0, None)
    assert not list(config.target.glob("training-*/errors.txt"))


def test_dev_is_carved_by_document_where_there_is_none(config):
    (config.data / "dev.jsonl").unlink()
    folds = read_folds(config.data)
    assert folds.dev_is_carved
    assert len(folds.train) + len(folds.dev) == 18
    assert len(folds.dev) >= 2
    assert not {s.doc for s in folds.train} & {s.doc for s in folds.dev}
    assert read_folds(config.data) == folds
    finetune(config)


def test_one_file_is_data_enough_and_more_can_be_added(config, tmp_path):
    more = write_sentences(tmp_path / "more.jsonl", make_sentences(24)[18:])
    alone = read_folds(config.data / "train.jsonl")
    both = read_folds(config.data / "train.jsonl", [more])
    assert len(both.train) + len(both.dev) == len(alone.train) + len(alone.dev) + 6
    assert len(read_folds(config.data, [more]).train) == 24


def test_dev_is_never_trained_on(config):
    folds = read_folds(config.data)
    assert folds.dev == tuple(read_annotations(config.data / "dev.jsonl"))
    assert not {s.id for s in folds.train} & {s.id for s in folds.dev}


def test_what_cannot_be_trained_on_is_refused_before_anything_is_written(config, tmp_path):
    (config.data / "train.jsonl").unlink()
    with pytest.raises(DataError, match="no train file"):
        finetune(config)
    write_sentences(config.data / "train.jsonl", [replace(s, doc="D") for s in make_sentences(4)])
    (config.data / "dev.jsonl").unlink()
    with pytest.raises(DataError, match="no dev data"):
        finetune(config)
    assert not config.target.exists()
    config.target.mkdir()
    (config.target / "mine.txt").touch()
    with pytest.raises(CheckpointError, match="not empty"):
        finetune(config)
    assert (config.target / "mine.txt").exists()


class Killed(Exception):
    """Stands for whatever ends a process."""


def kill_at(step):
    def on_step(progress):
        if progress.step == step:
            raise Killed

    return on_step


def test_an_interrupted_training_goes_on_to_the_same_checkpoint(config, tmp_path):
    whole = replace(config, target=tmp_path / "whole")
    finetune(whole)
    with pytest.raises(Killed):
        finetune(config, on_step=kill_at(7))
    assert not config.target.exists()
    told, epochs = [], []
    finetune(config, report=told.append, on_epoch=epochs.append)
    assert any("goes on after epoch 1" in line for line in told)
    assert [epoch.epoch for epoch in epochs] == [2]
    ours, theirs = ((target / "model.safetensors").read_bytes() for target in (config.target, whole.target))
    assert ours == theirs
    assert not list(config.target.glob("state*"))
    assert not config.target.with_name("out.partial").exists()


def test_an_interrupted_training_is_not_mixed_with_another(config):
    with pytest.raises(Killed):
        finetune(config, on_step=kill_at(7))
    with pytest.raises(CheckpointError, match="other data or settings"):
        finetune(replace(config, train=replace(QUICK, seed=9)))
    finetune(config)


def test_one_that_was_killed_in_its_first_epoch_begins_anew(config):
    with pytest.raises(Killed):
        finetune(config, on_step=kill_at(3))
    finetune(replace(config, train=replace(QUICK, seed=9)))
    assert len(list(config.target.glob("training-*"))) == 1


def test_a_record_of_the_training_lies_beside_the_checkpoint(config):
    with pytest.raises(Killed):
        finetune(config, on_step=kill_at(7))
    result = finetune(config)
    (folder,) = config.target.glob("training-*")
    assert re.fullmatch(r"training-\d{8}T\d{6}Z", folder.name)
    settings = json.loads((folder / "settings.json").read_text())
    assert (settings["settings"]["epochs"], settings["sentences"]) == (2, 18)
    assert "threads" in settings["machine"]
    log = (folder / "log.txt").read_text().splitlines()
    events = ["began", "epoch 1: loss", "goes on after epoch 1", "epoch 2: loss", "ended"]
    assert len(log) == len(events)
    assert all(event in line for line, event in zip(log, events, strict=True))
    rows = [json.loads(line) for line in (folder / "epochs.jsonl").read_text().splitlines()]
    assert [row["f1"] for row in rows] == [epoch.scores.f1 for epoch in result.epochs]
    labels = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    assert {(row["epoch"], row["label"]) for row in labels} >= {(1, "OS"), (2, "PFS")}
    curves = etree.parse(folder / "curves.svg").getroot()
    assert "training loss" in "".join(curves.itertext())
    assert "script" not in {etree.QName(element).localname for element in curves.iter()}
    confusion = [line.split("\t") for line in (folder / "confusion.tsv").read_text().splitlines()]
    assert confusion[0][:3] == ["annotated", "OS", "PFS"]
    support = sum(int(cell) for row in confusion[1:3] for cell in row[1:4])
    assert support == 6  # each entity of dev once
    errors = [json.loads(line) for line in (folder / "errors.jsonl").read_text().splitlines()]
    assert all(error["text"] for error in errors)
    assert (folder / "errors.txt").is_file()
