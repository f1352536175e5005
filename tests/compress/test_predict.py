import numpy as np
import pytest

from compress.features import encode_sentences
from compress.predict import decode_mentions, score_model, sentence_logits, window_logits
from tests.compress.conftest import TAGS, make_sentences


def perfect_logits(features):
    """Logits that say exactly what is annotated."""
    return [
        np.eye(len(TAGS), dtype=np.float32)[np.maximum(window.tag_ids, 0)] * 9 for window in features.windows
    ]


def test_perfect_logits_give_back_what_is_annotated(features):
    found = decode_mentions(features, perfect_logits(features))
    got = [[(mention.start, mention.end, mention.label) for mention in mentions] for mentions in found]
    assert got == [[(s.start, s.end, s.label) for s in sentence.entities] for sentence in features.sentences]


@pytest.mark.parametrize("max_tokens", [6, 9, 64])
def test_entities_across_windows_are_put_together(tokenizer, max_tokens):
    features = encode_sentences(make_sentences(6), tokenizer, TAGS, max_tokens=max_tokens, overlap=2)
    found = decode_mentions(features, perfect_logits(features))
    assert [len(mentions) for mentions in found] == [1] * 6


def test_logits_come_in_the_order_of_the_windows(features, model):
    together = window_logits(model, features.windows, batch_size=5)
    for index in (0, 7, len(features.windows) - 1):
        (alone,) = window_logits(model, [features.windows[index]])
        np.testing.assert_allclose(together[index], alone, atol=1e-5)
    assert [len(values) for values in sentence_logits(features, together)] == [
        len(b) for b in features.offsets
    ]


def test_asking_leaves_the_model_in_its_mode(features, model):
    model.train()
    score_model(model, features)
    assert model.training
