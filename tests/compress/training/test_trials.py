"""Several trainings: each a checkpoint of its own, and what they come to together."""

import json
from dataclasses import replace
from statistics import mean, stdev

import pytest

from compress.checkpoint import read_checkpoint
from compress.errors import CheckpointError
from compress.training.trials import run_trials
from extract.annotations import read_annotations
from extract.score import score_mentions
from tests.compress.training.test_finetune import Killed, config, kill_at

__all__ = ["config"]  # the fixture


@pytest.fixture
def quick(config):
    return replace(config, train=replace(config.train, epochs=1))


def test_several_seeds_are_several_checkpoints_with_their_spread(quick):
    trials = run_trials(quick, seeds=[1, 2])
    assert [trial.name for trial in trials.trials] == ["seed-1", "seed-2"]
    f1 = [trial.scores.f1 for trial in trials.trials]
    assert (trials.f1.mean, trials.f1.spread) == (mean(f1), stdev(f1))
    first, second = (read_checkpoint(quick.target / name)[0] for name in ("seed-1", "seed-2"))
    assert not first.classifier.weight.equal(second.classifier.weight)
    training = json.loads((quick.target / "seed-2" / "training.json").read_text())
    assert training["settings"]["seed"] == 2
    assert training["dev_f1"] == pytest.approx(f1[1])
    summary = json.loads((quick.target / "summary.json").read_text())
    assert summary["f1"] == {"mean": mean(f1), "spread": stdev(f1)}
    assert set(summary["per_label"]) == {"OS", "PFS"}
    assert trials.out_of_fold == {}


def test_folds_judge_every_document_once(quick):
    trials = run_trials(quick, seeds=[3], n_folds=3)
    assert [(trial.name, trial.fold) for trial in trials.trials] == [
        ("fold-1", 1),
        ("fold-2", 2),
        ("fold-3", 3),
    ]
    path = quick.target / "predictions-seed-3.jsonl"
    predicted = read_annotations(path)
    annotated = read_annotations(quick.data / "train.jsonl") + read_annotations(quick.data / "dev.jsonl")
    by_id = {sentence.id: sentence for sentence in predicted}
    assert set(by_id) == {sentence.id for sentence in annotated}
    assert len(predicted) == len(annotated)
    found = [by_id[sentence.id].entities for sentence in annotated]
    assert score_mentions(annotated, found).f1 == pytest.approx(trials.out_of_fold[3].f1)
    assert (quick.target / "confusion.tsv").is_file()
    assert (quick.target / "errors.txt").is_file()


def test_interrupted_trials_go_on_without_repeating_any(quick):
    whole = replace(quick, target=quick.target.with_name("whole"))
    expected = run_trials(whole, seeds=[1, 2], n_folds=2)
    steps = []

    def kill_in_the_third(progress):
        steps.append(progress)
        if len([p for p in steps if p.step == 1]) == 3:
            raise Killed

    with pytest.raises(Killed):
        run_trials(quick, seeds=[1, 2], n_folds=2, on_step=kill_in_the_third)
    assert not (quick.target / "summary.json").exists()
    told, epochs = [], []
    resumed = run_trials(quick, seeds=[1, 2], n_folds=2, report=told.append, on_epoch=epochs.append)
    assert resumed == expected
    assert len([line for line in told if line.startswith("already there")]) == 2
    assert len(epochs) == 2


def test_a_target_with_other_things_is_refused(quick):
    run_trials(quick, seeds=[1])
    with pytest.raises(CheckpointError, match="not empty"):
        run_trials(quick, seeds=[1])
    (quick.target / "summary.json").unlink()
    with pytest.raises(CheckpointError, match="other data or settings"):
        run_trials(replace(quick, train=replace(quick.train, epochs=2)), seeds=[1])
    with pytest.raises(CheckpointError, match="not empty"):
        run_trials(quick, seeds=[2])
    again = run_trials(quick, seeds=[1], on_step=kill_at(1))
    assert again.f1.spread is None
