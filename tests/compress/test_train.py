from dataclasses import replace

import numpy as np
import pytest
import torch

from compress.batches import collate
from compress.errors import DataError
from compress.features import IGNORED, encode_sentences
from compress.predict import score_model, window_logits
from compress.train import TrainConfig, token_loss, train
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
    config = replace(QUICK, epochs=20, distil_weight=1.0)
    assert token_loss(config, logits, batch, logits).item() == pytest.approx(0.0, abs=1e-6)
    assert token_loss(config, logits, batch, logits.flip(-1)).item() > 0.1


def test_data_without_entities_is_refused(tokenizer, features):
    empty = encode_sentences([AnnotatedSentence("S", "D", "median", ())], tokenizer, TAGS)
    with pytest.raises(DataError, match="nothing to learn"):
        train(QUICK, build_model(), empty, features)
