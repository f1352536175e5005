import gzip
import json

import numpy as np
import pytest
import torch

from compress.errors import DataError
from compress.pruning.masks import Masks
from compress.pruning.prune import prune
from compress.training.distil import DistilConfig, distil, matched_layers
from compress.training.unlabelled import read_text
from tests.compress.conftest import build_model
from tests.compress.pruning.test_iterate import distance
from tests.compress.pruning.test_masks import some_masks

QUICK = DistilConfig(epochs=6, batch_size=4, rate=1e-3, average_decay=0.0, bf16=False)


def test_student_comes_nearer_to_its_teacher(features):
    teacher = build_model()
    student = prune(teacher, some_masks(teacher.config, share=0.6))
    before = distance(student, teacher, features.windows)
    result = distil(QUICK, student, teacher, features.windows)
    assert distance(result.model, teacher, features.windows) < before / 2
    assert result.losses[-1] < result.losses[0]


def test_a_student_that_is_its_teacher_has_nothing_to_learn(features):
    teacher = build_model()
    same = prune(teacher, Masks.keep_all(teacher.config))
    result = distil(DistilConfig(epochs=1, batch_size=4, bf16=False), same, teacher, features.windows)
    # The optimiser turns even rounding errors into small steps.
    assert result.losses[0] < 1e-4


def test_labels_are_not_looked_at(features):
    teacher = build_model()
    outcomes = []
    for flip in (False, True):
        windows = features.windows
        if flip:
            windows = tuple(
                type(window)(
                    window.sentence, window.input_ids, np.roll(window.tag_ids, 1), window.first, window.own
                )
                for window in windows
            )
        student = prune(teacher, some_masks(teacher.config, share=0.6))
        outcomes.append(distil(QUICK, student, teacher, windows).model.state_dict())
    for name, value in outcomes[0].items():
        assert torch.equal(value, outcomes[1][name]), name


def test_hidden_states_count_where_they_are_weighted(features):
    teacher = build_model()
    losses = []
    for weight in (0.0, 5.0):
        student = prune(teacher, some_masks(teacher.config, share=0.6))
        config = DistilConfig(epochs=1, batch_size=4, rate=0.0, hidden_weight=weight, bf16=False)
        losses.append(distil(config, student, teacher, features.windows).losses[0])
    assert losses[0] < losses[1]


@pytest.mark.parametrize(
    ("n_student", "n_teacher", "expected"),
    [(3, 3, (0, 1, 2)), (3, 6, (1, 3, 5)), (1, 6, (5,)), (4, 6, (1, 2, 3, 5))],
)
def test_layers_are_matched_evenly_and_last_to_last(n_student, n_teacher, expected):
    assert matched_layers(n_student, n_teacher) == expected


def test_without_text_there_is_nothing_to_distil_on():
    with pytest.raises(DataError, match="nothing to distil on"):
        distil(QUICK, build_model(), build_model(), [])


def test_text_gives_different_sentences_up_to_the_count(tmp_path):
    path = tmp_path / "text.jsonl.gz"
    lines = [
        {"doc": str(number), "paragraphs": [f"Trial {number} had two arms of patients. It was closed early."]}
        for number in range(8)
    ]
    with gzip.open(path, "wt") as stream:
        stream.write("\n".join(map(json.dumps, lines)))
    found = read_text([path], 100)
    assert len({sentence.text for sentence in found}) == len(found) == 9
    assert len(read_text([path], 3)) == 3
    assert read_text([path], 100) == found
