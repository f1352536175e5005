import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extract.annotations import (
    AnnotatedSentence,
    Span,
    find_split,
    labels_of,
    read_annotations,
    tags_of,
)
from extract.errors import AnnotationError

TEXT = "Median OS was 14.1 months."


def write(path, text):
    data = text.encode("utf-8")
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def marked(sentence):
    return [(sentence.text[span.start : span.end], span.label) for span in sentence.entities]


def jsonl(*records):
    return "".join(json.dumps(record) + "\n" for record in records)


def test_jsonl_keeps_offsets_documents_and_order(tmp_path):
    record = {"id": "S1", "doc": "D", "text": TEXT, "entities": [{"start": 14, "end": 25, "label": "OS"}]}
    path = write(tmp_path / "train.jsonl", jsonl(record, {"text": "None.", "entities": []}))
    first, second = read_annotations(path)
    assert first == AnnotatedSentence("S1", "D", TEXT, (Span(14, 25, "OS"),))
    assert marked(first) == [("14.1 months", "OS")]
    assert (second.id, second.doc) == ("2", "2")


def test_entities_come_sorted_whatever_the_order_in_the_file(tmp_path):
    spans = [{"start": 7, "end": 9, "label": "B"}, {"start": 0, "end": 6, "label": "A"}]
    path = write(tmp_path / "x.jsonl", jsonl({"id": 1, "text": TEXT, "entities": spans}))
    assert marked(read_annotations(path)[0]) == [("Median", "A"), ("OS", "B")]


@pytest.mark.parametrize("name", ["x.tsv", "x.tsv.gz", "x.conll", "x.iob2"])
def test_table_joins_tokens_by_single_spaces(tmp_path, name):
    path = write(tmp_path / name, "Median\tO\nOS\tB-X\n14.1\tI-X\n\n\nIt\tO\n")
    sentences = read_annotations(path)
    assert [sentence.text for sentence in sentences] == ["Median OS 14.1", "It"]
    assert marked(sentences[0]) == [("OS 14.1", "X")]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("I-X I-X O", [("a b", "X")]),  # IOB1: I- begins
        ("B-X B-X O", [("a", "X"), ("b", "X")]),
        ("I-X B-X I-X", [("a", "X"), ("b c", "X")]),
        ("I-X I-Y O", [("a", "X"), ("b", "Y")]),
        ("B-X O I-X", [("a", "X"), ("c", "X")]),
    ],
)
def test_tags_become_entities_by_the_stated_rule(tmp_path, tags, expected):
    rows = "".join(f"{token}\t{tag}\n" for token, tag in zip("abc", tags.split(), strict=True))
    assert marked(read_annotations(write(tmp_path / "x.tsv", rows))[0]) == expected


def test_table_takes_first_and_last_of_more_columns_and_documents(tmp_path):
    path = write(
        tmp_path / "x.conll",
        "-DOCSTART- -X- O O\n\nEU NNP B-NP B-ORG\nsays VB O O\n\n-DOCSTART- O\n\nHi UH O O\n",
    )
    first, second = read_annotations(path)
    assert marked(first) == [("EU", "ORG")]
    assert first.doc != second.doc


def test_windows_line_ends_and_byte_order_mark_are_no_part_of_the_data(tmp_path):
    path = write(tmp_path / "x.tsv", "\ufeffa\tB-X\r\nb\tO\r\n\r\nc\tO\r\n")
    assert [marked(sentence) for sentence in read_annotations(path)] == [[("a", "X")], []]


def region(start, end, text, label="OS"):
    return {"start": start, "end": end, "text": text, "labels": [label]}


def test_label_studio_full_export(tmp_path):
    result = [
        {"type": "labels", "value": region(14, 25, "14.1 months")},
        {"type": "choices", "value": {"choices": ["good"]}},
    ]
    task = {
        "id": 7,
        "data": {"text": TEXT},
        "annotations": [{"was_cancelled": True, "result": []}, {"was_cancelled": False, "result": result}],
    }
    (sentence,) = read_annotations(write(tmp_path / "x.json", json.dumps([task])))
    assert (sentence.id, marked(sentence)) == ("7", [("14.1 months", "OS")])


def test_label_studio_minimal_export_and_browser_offsets(tmp_path):
    text = "\U0001f9ec Median OS was 14.1 months."
    task = {
        "id": 1,
        "text": text,
        "label": [region(17, 28, "14.1 months")],
    }  # UTF-16: one more than Python counts
    (sentence,) = read_annotations(write(tmp_path / "x.json", json.dumps([task])))
    assert marked(sentence) == [("14.1 months", "OS")]


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("x.jsonl", '{"text": "a"', ["not JSON", "x.jsonl:1"]),
        (
            "x.jsonl",
            jsonl({"text": "ab", "entities": []}, {"text": "", "entities": []}),
            ["bad text", "x.jsonl:2"],
        ),
        ("x.jsonl", jsonl({"text": "ab"}), ["bad entities", "x.jsonl:1", "list"]),
        (
            "x.jsonl",
            jsonl({"text": "ab", "entities": [{"start": 0, "end": 3, "label": "X"}]}),
            ["0 to 3", "0 to 2"],
        ),
        ("x.jsonl", jsonl({"text": "ab", "entities": [{"start": 1, "end": 1, "label": "X"}]}), ["outside"]),
        ("x.jsonl", jsonl({"text": "ab", "entities": [{"start": "0", "end": 1, "label": "X"}]}), ["offsets"]),
        ("x.jsonl", jsonl({"text": "ab", "entities": [{"start": 0, "end": 1}]}), ["label"]),
        ("x.jsonl", "[]\n", ["list", "object"]),
        ("x.jsonl", "", ["no sentences", "x.jsonl"]),
        ("x.tsv", "a\tO\nb\n", ["x.tsv:2", "token TAB tag"]),
        ("x.tsv", "a\tE-X\n", ["x.tsv:1", "'E-X'", "B-LABEL"]),
        ("x.tsv", "a\tB-\n", ["x.tsv:1"]),
        ("x.json", "{}", ["x.json", "list"]),
        ("x.json", json.dumps([{"text": "abc", "label": [region(0, 2, "bc")]}]), ["task 1", "'ab'", "'bc'"]),
        ("x.docx", "a", ["x.docx", ".jsonl"]),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, name, text, parts):
    with pytest.raises(AnnotationError) as caught:
        read_annotations(write(tmp_path / name, text))
    for part in parts:
        assert part in str(caught.value)


def test_overlapping_entities_are_refused(tmp_path):
    spans = [{"start": 0, "end": 4, "label": "A"}, {"start": 3, "end": 6, "label": "B"}]
    with pytest.raises(AnnotationError, match="overlapping"):
        read_annotations(write(tmp_path / "x.jsonl", jsonl({"text": TEXT, "entities": spans})))


def test_unreadable_bytes_are_an_annotation_error(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"{}" * 100)[:-9])
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "\xff"}')
    with pytest.raises(AnnotationError, match="cannot be read"):
        read_annotations(tmp_path / "a.jsonl.gz")
    with pytest.raises(AnnotationError, match="0xff"):
        read_annotations(tmp_path / "b.jsonl")
    with pytest.raises(AnnotationError, match="no such file"):
        read_annotations(tmp_path / "c.jsonl")


def test_splits_are_found_under_their_usual_names(tmp_path):
    for name in ("train.jsonl", "devel.tsv.gz", "authored.jsonl"):
        (tmp_path / name).touch()
    assert find_split(tmp_path, "train") == tmp_path / "train.jsonl"
    assert find_split(tmp_path, "dev") == tmp_path / "devel.tsv.gz"
    assert find_split(tmp_path, "test") is None


def test_two_files_for_one_split_or_no_folder_are_refused(tmp_path):
    (tmp_path / "dev.jsonl").touch()
    (tmp_path / "devel.tsv").touch()
    with pytest.raises(AnnotationError, match=r"dev\.jsonl, devel\.tsv"):
        find_split(tmp_path, "dev")
    with pytest.raises(AnnotationError, match="nothing there"):
        find_split(tmp_path / "none", "train")


def test_tags_are_stable_and_sorted():
    assert tags_of(["b", "a", "b"]) == ("O", "B-a", "I-a", "B-b", "I-b")
    assert tags_of([]) == ("O",)


def test_labels_in_use():
    sentence = AnnotatedSentence("1", "1", "ab", (Span(0, 1, "y"), Span(1, 2, "x")))
    assert labels_of([sentence]) == ("x", "y")


@given(
    st.lists(
        st.tuples(st.text("abé", min_size=1, max_size=4), st.sampled_from(["O", "B-X", "I-X", "I-Y"])),
        min_size=1,
    )
)
def test_table_spans_cover_exactly_the_tagged_tokens(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "x.tsv"
    (sentence,) = read_annotations(write(path, "".join(f"{token}\t{tag}\n" for token, tag in rows)))
    covered = " ".join(sentence.text[span.start : span.end] for span in sentence.entities)
    assert covered == " ".join(token for token, tag in rows if tag != "O")
