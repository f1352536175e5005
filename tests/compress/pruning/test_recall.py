"""What is kept of the dense model is given back for the same question only."""

from __future__ import annotations

import itertools

from compress.encoder import TokenClassifier
from compress.features import Features
from compress.pruning.recall import Recall
from tests.compress.conftest import build_model


def test_the_same_question_is_measured_once(model: TokenClassifier, features: Features) -> None:
    recall, numbers = Recall(model), itertools.count()
    asked = [recall.get("a", model, features.windows[:4], 1, numbers.__next__) for _ in range(3)]
    assert asked == [0, 0, 0]


def test_another_question_is_measured_anew(model: TokenClassifier, features: Features) -> None:
    recall, numbers = Recall(model), itertools.count()
    windows, others = features.windows[:4], features.windows[1:5]
    questions = [("a", windows, 1), ("a", windows, 2), ("a", others, 2), ("b", others, 2)]
    asked = [recall.get(kind, model, sample, seed, numbers.__next__) for kind, sample, seed in questions]
    assert asked == [0, 1, 2, 3]
    # Of each kind the last one is kept.
    assert recall.get("a", model, others, 2, numbers.__next__) == 2
    assert recall.get("a", model, windows, 1, numbers.__next__) == 4


def test_of_other_models_nothing_is_kept(model: TokenClassifier, features: Features) -> None:
    recall, numbers = Recall(model), itertools.count()
    pruned = build_model(seed=1)
    asked = [recall.get("a", pruned, features.windows, 1, numbers.__next__) for _ in range(2)]
    assert asked == [0, 1]
