import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compress.features import encode_sentences
from compress.training.carry import carry_answers
from extract.annotations import AnnotatedSentence, Span
from tests.compress.conftest import TAGS, build_tokenizer

TEXT = "median os was 12.5 months"
COLUMN = {tag: index for index, tag in enumerate(TAGS)}


def bounds_of(pieces):
    """Offsets of pieces of TEXT, in order."""
    offsets, place = [], 0
    for piece in pieces:
        start = TEXT.index(piece, place)
        place = start + len(piece)
        offsets.append((start, place))
    return np.array(offsets, dtype=np.int64).reshape(-1, 2)


def one_hot(tags):
    answers = np.zeros((len(tags), len(TAGS)), np.float32)
    answers[np.arange(len(tags)), [COLUMN[tag] for tag in tags]] = 1
    return answers


def carried_tags(theirs, tags, ours):
    carried = carry_answers(one_hot(tags), bounds_of(theirs), bounds_of(ours), TEXT, TAGS)
    return [None if np.isnan(row).any() else TAGS[row.argmax()] for row in carried]


def test_a_token_cut_in_two_begins_an_entity_once():
    found = carried_tags(["was", "12.5", "months"], ["O", "B-OS", "I-OS"], ["was", "12", ".", "5", "months"])
    assert found == ["O", "B-OS", "I-OS", "I-OS", "I-OS"]


def test_tokens_joined_to_one_keep_the_beginning():
    assert carried_tags(["12", ".", "5"], ["B-OS", "I-OS", "I-OS"], ["12.5"]) == ["B-OS"]


def test_an_entity_that_begins_inside_our_token_begins_with_it():
    assert carried_tags(["1", "2.5"], ["O", "B-OS"], ["12.5"]) == ["B-OS"]


def test_nothing_is_said_of_what_the_teacher_did_not_read():
    assert carried_tags(["was"], ["B-OS"], ["median", "was", "12"]) == [None, "B-OS", None]
    assert carried_tags([], [], ["median"]) == [None]


def test_the_space_before_a_word_is_no_part_of_it():
    carried = carry_answers(
        one_hot(["O", "B-OS"]), np.array([[10, 13], [13, 18]]), bounds_of(["12.5"]), TEXT, TAGS
    )
    assert TAGS[carried[0].argmax()] == "B-OS"


def test_probabilities_stay_probabilities():
    answers = np.array([[0.1, 0.5, 0.2, 0.15, 0.05]], np.float32)
    carried = carry_answers(answers, bounds_of(["12.5"]), bounds_of(["12", ".5"]), TEXT, TAGS)
    assert carried[0].tolist() == answers[0].tolist()
    np.testing.assert_allclose(carried[1], [0.1, 0.0, 0.7, 0.0, 0.2], atol=1e-6)


def cuts(draw_from):
    return st.sets(st.integers(1, len(draw_from) - 1))


def tokens_of(places):
    """The words of TEXT, cut besides at these places."""
    words = [(0, 6), (7, 9), (10, 13), (14, 18), (19, 25)]
    tokens = []
    for start, end in words:
        inner = sorted(place for place in places if start < place < end)
        edges = [start, *inner, end]
        tokens += list(zip(edges[:-1], edges[1:], strict=True))
    return np.array(tokens, dtype=np.int64)


def tags_on(tokens, entity):
    """The tags that annotation gives these tokens."""
    covered = [start < entity[1] and end > entity[0] for start, end in tokens]
    first = covered.index(True)
    return ["O" if not inside else ("B-OS" if i == first else "I-OS") for i, inside in enumerate(covered)]


@given(theirs=cuts(TEXT), ours=cuts(TEXT), words=st.sampled_from([(0, 6), (14, 18), (14, 25), (7, 18)]))
def test_an_entity_of_whole_words_is_carried_over_as_if_it_were_annotated(theirs, ours, words):
    their_tokens, our_tokens = tokens_of(theirs), tokens_of(ours)
    answers = one_hot(tags_on(their_tokens, words))
    carried = carry_answers(answers, their_tokens, our_tokens, TEXT, TAGS)
    assert [TAGS[column] for column in carried.argmax(axis=1)] == tags_on(our_tokens, words)


@given(places=cuts(TEXT), seed=st.integers(0, 99))
def test_the_same_tokens_get_the_very_answers(places, seed):
    tokens = tokens_of(places)
    answers = np.random.default_rng(seed).dirichlet(np.ones(len(TAGS)), len(tokens)).astype(np.float32)
    np.testing.assert_array_equal(carry_answers(answers, tokens, tokens, TEXT, TAGS), answers)


def test_tags_on_agrees_with_the_tags_that_features_give():
    sentence = AnnotatedSentence("S", "D", TEXT, (Span(14, 25, "OS"),))
    features = encode_sentences([sentence], build_tokenizer(), TAGS)
    window = features.windows[0]
    assert [TAGS[tag] for tag in window.tag_ids[1:-1]] == tags_on(features.offsets[0].tolist(), (14, 25))
