import numpy as np
import pytest

from compress.adaptation.packing import NUMBER, SHORTEST, pack_documents
from compress.gating.text import Document
from tests.compress.conftest import build_tokenizer


def document(*paragraphs, id="D"):
    return Document(id, paragraphs, "")


def spelled(text, tokenizer):
    """The units of packed text, each as its pieces joined, and whether it is a number."""
    units = {}
    for piece_id, unit, number in zip(text.ids, text.units, text.numbers, strict=True):
        pieces, _ = units.get(int(unit), ("", False))
        piece = tokenizer.id_to_token(int(piece_id)).removeprefix("##")
        units[int(unit)] = (pieces + piece, bool(number))
    return list(units.values())


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("a HR of 0.72 (95% CI 0.60-0.85)", ["0.72", "95%", "0.60", "0.85"]),
        ("1,204 patients, p<.05, n=12", ["1,204", ".05", "12"]),
        ("a change of -0.5 or −1.2 or +3", ["-0.5", "−1.2", "+3"]),
        ("0·72 in 12 % and 45\u2009% of 1\u2009204", ["0·72", "12 %", "45\u2009%", "1\u2009204"]),
        ("IL-6, p53, H2O and a 24-month rate.", ["6", "24"]),
        ("24 months. 12 weeks", ["24", "12"]),
    ],
)
def test_what_a_number_is(text, numbers):
    assert [match[0] for match in NUMBER.finditer(text)] == numbers


def test_words_and_numbers_are_units_with_all_their_pieces(tokenizer):
    text = pack_documents(
        [document("Median OS was 14.1 months (95% CI 1,204.5 to -0.72) and progressions rate 3%.")], tokenizer
    )
    assert spelled(text, tokenizer) == [
        *((word, False) for word in ("median", "os", "was")),
        ("14.1", True),
        *((word, False) for word in ("months", "(")),
        ("95%", True),
        ("ci", False),
        ("1,204.5", True),
        ("to", False),
        ("-0.72", True),
        *((word, False) for word in (")", "and", "progressions", "rate")),
        ("3%", True),
        (".", False),
    ]


def test_a_sequence_holds_whole_sentences_as_many_as_fit(tokenizer):
    sentence = "Median OS was 14.1 months and PFS was 7.2 months."  # 18 tokens
    text = pack_documents([document(" ".join([sentence] * 7))], tokenizer, max_tokens=2 + 2 * 16)
    size = len(tokenizer.encode(sentence, add_special_tokens=False).ids)
    assert size == 16
    assert np.diff(text.bounds).tolist() == [32, 32, 32, 16]
    assert text.n_tokens == 7 * 16 + 4 * 2


def test_documents_share_no_sequence_and_stray_marks_are_left_out(tokenizer):
    long = "Median OS was 14.1 months and rate was 3."
    text = pack_documents(
        [document(long, id="A"), document("Median.", id="B"), document(long, id="C")], tokenizer
    )
    assert len(text.lengths) == 2
    assert all(np.diff(text.bounds) >= SHORTEST)


def test_a_longer_sentence_is_cut_between_units(tokenizer):
    text = pack_documents([document(", ".join(["median 14.1 months"] * 30))], tokenizer, max_tokens=24)
    assert max(text.lengths) <= 24
    assert sum(np.diff(text.bounds)) == len(text.ids)
    firsts = text.bounds[1:-1]
    assert (text.units[firsts] != text.units[firsts - 1]).all()
    whole = spelled(text, tokenizer)
    assert whole.count(("14.1", True)) == 30
    assert whole.count(("months", False)) == 30


def test_one_endless_word_is_cut_all_the_same(tokenizer):
    text = pack_documents([document("x" * 90)], tokenizer, max_tokens=32)
    assert np.diff(text.bounds).tolist() == [30, 30, 30]
    # The three parts are three units: hiding one leaves the others alone.
    assert len(set(text.units.tolist())) == 3


def test_reading_stops_when_there_is_enough(tokenizer):
    def endless():
        index = 0
        while True:
            index += 1
            yield document("Median OS was 14.1 months and rate was 3.", id=str(index))

    text = pack_documents(endless(), tokenizer, enough=500)
    assert 500 <= text.n_tokens < 900


def test_nothing_packed_is_nothing(tokenizer):
    text = pack_documents([], build_tokenizer())
    assert (text.n_tokens, len(text.lengths), len(text.ids)) == (0, 0, 0)
