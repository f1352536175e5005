from dataclasses import replace

import numpy as np
import pytest
import torch

from compress.batches import collate
from compress.errors import CheckpointError, DataError
from compress.features import IGNORED, encode_sentences
from compress.predict import score_model, window_logits
from compress.training.loss import token_loss, weigh_tags
from compress.training.train import TrainConfig, train
from extract.annotations import AnnotatedSentence
from tests.compress.conftest import TAGS, build_model

QUICK = TrainConfig(epochs=6, batch_size=4, body_rate=3e-3, head_rate=1e-2, bf16=False)


def test_a_tiny_model_learns_tiny_data(features):
    result = train(QUICK, build_model(), features, features)
    assert result.epochs[result.best_epoch - 1].scores.f1 > 0.9
    assert score_model(result.model, features).f1 == result.epochs[result.best_epoch - 1].scores.f1
    assert not result.model.training


def test_same_seed_same_model_other_seed_another(features):
    config = replace(QUICK, epochs=1)

    def weights(seed):
        return train(replace(config, seed=seed), build_model(), features, features).model.classifier.weight

    first = weights(1)
    assert torch.equal(first, weights(1))
    assert not torch.equal(first, weights(2))


def test_the_best_epoch_is_kept_not_the_last(features):
    result = train(QUICK, build_model(), features, features)
    scores = [epoch.scores.f1 for epoch in result.epochs]
    assert result.best_epoch == scores.index(max(scores)) + 1


def test_the_average_of_the_weights_is_kept(features):
    """With almost no forgetting it stays near the start; without averaging it does not."""
    start = build_model().classifier.weight.detach().clone()

    def moved(decay):
        config = replace(QUICK, epochs=1, average_decay=decay)
        model = train(config, build_model(), features, None).model
        return float((model.classifier.weight.detach() - start).abs().mean())

    assert 0 < moved(0.5) < moved(0.0)


def test_progress_is_told_after_every_step_and_epoch(features):
    steps, epochs = [], []
    config = replace(QUICK, epochs=2)
    train(config, build_model(), features, features, on_step=steps.append, on_epoch=epochs.append)
    assert [progress.step for progress in steps] == list(range(1, 13))
    assert {progress.n_steps for progress in steps} == {12}
    assert [epoch.epoch for epoch in epochs] == [1, 2]


def test_a_teacher_alone_can_teach(features):
    teacher = train(QUICK, build_model(), features, features).model
    unlabelled = replace(features, windows=tuple(replace_tags(window) for window in features.windows))
    logits = window_logits(teacher, features.windows)
    config = replace(QUICK, epochs=12, distil_weight=1.0)
    untaught = build_model(seed=5)
    before = mean_distance(untaught, features, logits)
    student = train(config, untaught, unlabelled, features, teacher_logits=logits).model
    assert mean_distance(student, features, logits) < before / 4


def mean_distance(model, features, logits):
    pairs = zip(window_logits(model, features.windows), logits, strict=True)
    return float(np.mean([((ours - theirs) ** 2).mean() for ours, theirs in pairs]))


def replace_tags(window):
    return replace(window, tag_ids=np.full_like(window.tag_ids, IGNORED))


def test_loss_is_zero_only_where_student_and_teacher_agree(features):
    batch = collate(features.windows, [0, 1])
    logits = torch.randn(*batch.input_ids.shape, len(TAGS), generator=torch.Generator().manual_seed(0))
    assert token_loss(logits, batch, logits, distil_weight=1.0).item() == pytest.approx(0.0, abs=1e-6)
    assert token_loss(logits, batch, logits.flip(-1), distil_weight=1.0).item() > 0.1


def test_data_without_entities_is_refused(tokenizer, features):
    empty = encode_sentences([AnnotatedSentence("S", "D", "median", ())], tokenizer, TAGS)
    with pytest.raises(DataError, match="nothing to learn"):
        train(QUICK, build_model(), empty, features)


def test_patience_ends_a_training_that_gets_no_better(features):
    stuck = replace(QUICK, body_rate=0.0, head_rate=0.0, patience=2, average_decay=0.0)
    result = train(stuck, build_model(), features, features)
    assert (len(result.epochs), result.best_epoch) == (3, 1)
    improving = replace(QUICK, patience=6)
    assert len(train(improving, build_model(), features, features).epochs) == 6


def test_rare_labels_count_more(tokenizer, sentences):
    rare = [s for s in sentences if s.entities[0].label == "PFS"][:3]
    frequent = [s for s in sentences if s.entities[0].label == "OS"][:12]
    data = encode_sentences([*rare, *frequent], tokenizer, TAGS)
    assert weigh_tags(data, 0.0) is None
    assert weigh_tags(data, 0.5).tolist() == pytest.approx([1, 1, 1, 2, 2])
    assert weigh_tags(data, 5.0).max() == 10

    batch = collate(data.windows, [0, 1, 3])
    logits = torch.randn(*batch.input_ids.shape, len(TAGS), generator=torch.Generator().manual_seed(0))
    even = token_loss(logits, batch)
    assert token_loss(logits, batch, tag_weights=torch.ones(len(TAGS))).item() == pytest.approx(even.item())
    assert token_loss(logits, batch, tag_weights=weigh_tags(data, 0.5)).item() != pytest.approx(even.item())
    config = replace(QUICK, epochs=1)
    alike, weighted = (
        train(replace(config, rare_labels=power), build_model(), data, data).model for power in (0.0, 0.5)
    )
    assert not torch.equal(alike.classifier.weight, weighted.classifier.weight)


class Killed(Exception):
    """Stands for whatever ends a process."""


def stop_at(step):
    def on_step(progress):
        if progress.step == step:
            raise Killed

    return on_step


@pytest.mark.parametrize(("stop", "decay"), [(1, 0.998), (7, 0.0), (17, 0.998)])
def test_a_training_goes_on_to_the_same_bits(features, tmp_path, stop, decay):
    """Dropout, order of batches, rates, moments and averages all stand where they stood."""
    config = replace(
        QUICK, epochs=3, average_decay=decay, dropout=0.1, attention_dropout=0.1, rare_labels=0.5
    )
    whole = train(config, build_model(), features, features)
    state = tmp_path / "state.safetensors"
    with pytest.raises(Killed):
        train(config, build_model(), features, features, state=state, on_step=stop_at(stop))
    told = []
    torch.manual_seed(99)
    resumed = train(config, build_model(), features, features, state=state, on_epoch=told.append)
    assert resumed.epochs == whole.epochs
    assert resumed.best_epoch == whole.best_epoch
    assert [epoch.epoch for epoch in told] == list(range(1 + (stop - 1) // 6, 4))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_finished_training_is_not_done_again(features, tmp_path):
    state = tmp_path / "state.safetensors"
    config = replace(QUICK, epochs=2)
    first = train(config, build_model(), features, features, state=state)
    again = train(config, build_model(), features, features, state=state, on_step=stop_at(1))
    assert torch.equal(first.model.classifier.weight, again.model.classifier.weight)


def test_a_state_of_another_training_is_refused(tokenizer, features, sentences, tmp_path):
    state = tmp_path / "state.safetensors"
    config = replace(QUICK, epochs=1)
    train(config, build_model(), features, features, state=state)
    other_data = encode_sentences(sentences[1:], tokenizer, TAGS)
    for settings, model, data in (
        (replace(config, seed=3), build_model(), features),
        (config, build_model(seed=3), features),
        (config, build_model(), other_data),
    ):
        with pytest.raises(CheckpointError, match="other data or settings"):
            train(settings, model, data, features, state=state)
    state.write_bytes(b"half")
    with pytest.raises(CheckpointError, match="cannot be read"):
        train(config, build_model(), features, features, state=state)
