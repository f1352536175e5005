import json
import re

import pytest

from compress.errors import DataError
from compress.training.swaps import iter_swapped, read_swaps
from extract.annotations import AnnotatedSentence, Span, read_annotations

TABLE = {
    "groups": [
        [
            {"label": "OS", "long": ["overall survival"], "short": ["OS"]},
            {"label": "PFS", "long": ["progression-free survival"], "short": ["PFS"]},
            {"label": None, "long": ["time to progression"], "short": ["TTP"]},
        ]
    ],
    "unless": r"surviv|\balive\b",
    "attached": "time_point",
    "attached_to": ".*_percent",
}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "swaps.json"
    path.write_text(json.dumps(TABLE))
    return read_swaps(path)


def sentence(text, *marked):
    """``marked`` are (words, label); the words' first place in the text is meant."""
    spans = sorted(Span(text.index(words), text.index(words) + len(words), label) for words, label in marked)
    return AnnotatedSentence("S", "D", text, tuple(spans))


def outcomes(sentence, table, copies=40):
    """Every distinct counterfactual: its text and what is marked in it."""
    return {
        (found.text, tuple((found.text[span.start : span.end], span.label) for span in found.entities))
        for found in iter_swapped([sentence], table, copies=copies)
    }


def test_labels_follow_the_name(table):
    text = "Median overall survival was 9.5 months (95% CI 8.1 to 11)."
    found = outcomes(sentence(text, ("9.5 months", "OS"), ("8.1", "OS_CIL"), ("11", "OS_CIH")), table)
    assert found == {
        (
            text.replace("overall survival", "progression-free survival"),
            (("9.5 months", "PFS"), ("8.1", "PFS_CIL"), ("11", "PFS_CIH")),
        ),
        (text.replace("overall survival", "time to progression"), ()),
    }


def test_long_and_short_name_are_swapped_together_and_capitals_kept(table):
    found = outcomes(sentence("Overall survival (OS) was 9 months.", ("9 months", "OS")), table)
    assert {text for text, _ in found} == {
        "Progression-free survival (PFS) was 9 months.",
        "Time to progression (TTP) was 9 months.",
    }


def test_two_endpoints_never_get_the_same_name(table):
    found = outcomes(sentence("OS and PFS were 9 and 5 months.", ("9", "OS"), ("5 months", "PFS")), table)
    assert ("PFS and OS were 9 and 5 months.", (("9", "PFS"), ("5 months", "OS"))) in found
    assert ("TTP and OS were 9 and 5 months.", (("5 months", "OS"),)) in found
    for text, _ in found:
        first, second = re.match(r"(\w+) and (\w+)", text).groups()
        assert first != second


def test_what_is_attached_goes_with_the_last_value(table):
    rate = sentence("The 5-year OS was 40%.", ("5-year", "time_point"), ("40%", "OS_percent"))
    assert outcomes(rate, table) == {
        ("The 5-year PFS was 40%.", (("5-year", "time_point"), ("40%", "PFS_percent"))),
        ("The 5-year TTP was 40%.", ()),
    }


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("Median survival was 9 months.", [("9 months", "OS")]),  # no name
        ("OS was 9 months, other survival 5 months.", [("9 months", "OS")]),  # an ambiguous word besides
        ("OS was 9 months, response 40%.", [("9 months", "OS"), ("40%", "ORR")]),  # a label without a name
        ("OS was not analysed.", []),
    ],
)
def test_ambiguous_sentences_are_left_alone(table, text, marked):
    assert outcomes(sentence(text, *marked), table) == set()


def test_same_seed_same_sentences(table):
    sentences = [sentence(f"OS was {n} months.", (f"{n} months", "OS")) for n in range(10)]
    first = list(iter_swapped(sentences, table, seed=1))
    assert first == list(iter_swapped(sentences, table, seed=1))
    assert first != list(iter_swapped(sentences, table, seed=2))
    assert {found.doc for found in first} == {"D"}


@pytest.mark.parametrize(
    "text", ["{}", "[", '{"groups": [[{"label": "OS", "long": [], "short": []}]], "unless": ""}']
)
def test_bad_tables_are_refused(tmp_path, text):
    path = tmp_path / "swaps.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"swap table.*swaps\.json"):
        read_swaps(path)


def test_the_endpoints_table_moves_no_bound(repository, shared_data):
    table = read_swaps(repository / "examples" / "endpoints" / "swaps.json")
    sentences = read_annotations(shared_data / "endpoints" / "authored.jsonl")
    by_id = {sentence.id: sentence for sentence in sentences}
    swapped = list(iter_swapped(sentences, table))
    assert len(swapped) > 200
    for found in swapped:
        original = by_id[found.id.removesuffix("~")]
        values = {original.text[span.start : span.end] for span in original.entities}
        assert {found.text[span.start : span.end] for span in found.entities} <= values
