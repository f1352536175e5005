import numpy as np
import pytest

from compress.errors import DataError
from compress.features import IGNORED, encode_sentences
from extract.annotations import AnnotatedSentence, Span
from tests.compress.conftest import TAGS


def sentence(text, *spans):
    return AnnotatedSentence("S", "D", text, tuple(Span(*span) for span in spans))


def encode_one(tokenizer, text, *spans, **options):
    return encode_sentences([sentence(text, *spans)], tokenizer, TAGS, **options)


def test_tokens_get_the_tag_of_the_entity_they_overlap(tokenizer):
    features = encode_one(tokenizer, "os was 9.5 months", (7, 17, "OS"))
    (window,) = features.windows
    tags = [TAGS[tag] if tag != IGNORED else None for tag in window.tag_ids]
    assert tags == [None, "O", "O", "B-OS", "I-OS", "I-OS", "I-OS", None]
    assert features.n_inexact == 0


def test_touching_entities_stay_two(tokenizer):
    features = encode_one(tokenizer, "9,5", (0, 1, "OS"), (1, 3, "OS"))
    assert [TAGS[tag] for tag in features.windows[0].tag_ids[1:-1]] == ["B-OS", "B-OS", "I-OS"]


def test_entities_that_no_token_bounds_meet_are_counted(tokenizer):
    features = encode_one(tokenizer, "median months", (0, 3, "OS"), (7, 13, "PFS"))
    assert features.n_inexact == 1


def test_unknown_labels_are_refused(tokenizer):
    with pytest.raises(DataError, match="unknown label.*DFS"):
        encode_one(tokenizer, "median", (0, 6, "DFS"))


def test_long_text_is_read_in_windows_that_answer_for_every_token_once(tokenizer):
    text = " ".join("0123456789" * 5)
    features = encode_one(tokenizer, text, max_tokens=20, overlap=6)
    assert len(features.windows) > 2
    assert max(len(window.input_ids) for window in features.windows) == 20
    owned = np.concatenate([window.input_ids[window.own] for window in features.windows])
    assert owned.tolist() == tokenizer.encode(text, add_special_tokens=False).ids


def test_empty_text_after_normalising_has_no_tokens_but_a_window(tokenizer):
    features = encode_one(tokenizer, "\u200b")
    assert len(features.windows[0].input_ids) == 2
    assert features.offsets[0].shape == (0, 2)
