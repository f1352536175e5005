"""What annotators export from Label Studio is read as training data, untidy as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.annotated import Span
from extract.annotations import AnnotatedSentence, read_annotations
from extract.errors import AnnotationError

TEXT = "Median OS was 14.1 months (11-17)."
OS, LOW, HIGH = (14, 25, "OS"), (27, 29, "OS_CIL"), (30, 32, "OS_CIH")


def units(text: str) -> int:
    """Length as a browser counts it."""
    return len(text.encode("utf-16-le")) // 2


def region(start: int, end: int, label: str, text: str = TEXT, /, **other: Any) -> dict[str, Any]:
    """A region as Label Studio writes it."""
    value = {
        "start": units(text[:start]),
        "end": units(text[:end]),
        "text": text[start:end],
        "labels": [label],
    }
    return {"id": "x", "from_name": "label", "to_name": "text", "type": "labels", "value": value | other}


def answer(*regions: tuple[int, int, str], **other: Any) -> dict[str, Any]:
    """An annotation of one annotator."""
    return {"result": [region(*one) for one in regions], "was_cancelled": False, "completed_by": 1, **other}


def task(*annotations: dict[str, Any], number: int = 1, text: str = TEXT) -> dict[str, Any]:
    return {"id": number, "data": {"text": text, "doc": "D1"}, "annotations": list(annotations)}


def read(tmp_path: Path, *tasks: dict[str, Any]) -> tuple[list[AnnotatedSentence], list[str]]:
    """The sentences, and what was told about them."""
    path = tmp_path / "train.json"
    path.write_text(json.dumps(tasks), "utf-8")
    told: list[str] = []
    return read_annotations(path, report=told.append), told


def spans(sentence: AnnotatedSentence) -> list[tuple[int, int, str]]:
    return [(span.start, span.end, span.label) for span in sentence.entities]


def test_tidy_export_is_read_without_a_word(tmp_path: Path) -> None:
    (sentence,), told = read(tmp_path, task(answer(HIGH, OS)))
    assert (sentence.id, sentence.doc, spans(sentence), told) == ("1", "D1", [OS, HIGH], [])


def test_what_nobody_answered_is_no_example_of_nothing(tmp_path: Path) -> None:
    cancelled = answer(OS, was_cancelled=True)
    predicted = {"id": 4, "data": {"text": TEXT}, "predictions": [answer(OS)]}
    sentences, told = read(
        tmp_path, task(cancelled), task(answer(), number=2), task(number=3), predicted, task(answer(OS))
    )
    assert [spans(sentence) for sentence in sentences] == [[], [OS]]
    assert "3 tasks that nobody answered are left out: task 1, 3, 4" in told[0]


def test_export_that_nobody_corrected_is_refused(tmp_path: Path) -> None:
    """Read as it stands it would teach that there is nothing anywhere."""
    with pytest.raises(AnnotationError, match="nothing is annotated.*1 tasks.*import it"):
        read(tmp_path, {"id": 1, "data": {"text": TEXT}, "predictions": [answer(OS)]})


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([answer(OS), answer(OS, was_cancelled=True)], [OS]),
        ([answer(OS, LOW), answer(LOW, ground_truth=True), answer(OS, LOW)], [LOW]),
        ([answer(LOW), answer(OS, LOW, HIGH), answer(OS, LOW, HIGH)], [OS, LOW, HIGH]),
        ([answer(OS, updated_at="2026-11-02T01:00:00Z"), answer(updated_at="2026-11-01T01:00:00Z")], [OS]),
        ([answer(OS), answer()], []),
        ([answer(), answer(), answer(OS)], []),
    ],
    ids=["cancelled", "ground truth", "majority", "later", "last", "nothing is an answer"],
)
def test_of_several_annotators_one_counts(
    tmp_path: Path, answers: list[dict[str, Any]], expected: list[tuple[int, int, str]]
) -> None:
    (sentence,), _ = read(tmp_path, task(*answers))
    assert spans(sentence) == expected


def test_different_answers_are_told(tmp_path: Path) -> None:
    told = read(tmp_path, task(answer(OS), answer(LOW)), task(answer(OS), answer(OS), number=2))[1]
    assert [line.partition(": ")[2] for line in told] == [
        "1 tasks with different answers, of which one was chosen: task 1"
    ]


def test_minimal_export_of_several_annotators_is_one_task(tmp_path: Path) -> None:
    rows = [
        {"id": 7, "text": TEXT, "annotation_id": number, "label": [region(*one)["value"] for one in found]}
        for number, found in enumerate([[OS, LOW], [HIGH], [OS, LOW]])
    ]
    (sentence,), told = read(tmp_path, *rows)
    assert (spans(sentence), len(told)) == ([OS, LOW], 1)


def test_minimal_export_may_name_its_control_otherwise_and_leave_out_what_is_empty(tmp_path: Path) -> None:
    value = region(*OS)["value"]
    sentences, _ = read(tmp_path, {"id": 1, "text": TEXT, "ner": [value]}, {"id": 2, "text": "None."})
    assert [spans(sentence) for sentence in sentences] == [[OS], []]


def test_overlapping_regions_leave_the_longest(tmp_path: Path) -> None:
    inner = (14, 18, "OS")
    (sentence,), told = read(tmp_path, task(answer(inner, OS, LOW, LOW)))
    assert spans(sentence) == [OS, LOW]
    assert "1 tasks with overlapping regions" in told[0]
    (sentence,), told = read(tmp_path, task(answer(LOW, LOW, OS)))
    assert (spans(sentence), told) == ([OS, LOW], [])


@pytest.mark.parametrize("marked", [" 14.1 months ", "14.1 months", "14.1 months "])
def test_white_space_round_a_region_is_no_part_of_it(tmp_path: Path, marked: str) -> None:
    wide = {**answer(), "result": [region(13, 26, "OS", **{"text": marked})]}
    (sentence,), _ = read(tmp_path, task(wide))
    assert spans(sentence) == [OS]


def test_region_of_white_space_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="do not match"):
        read(tmp_path, task({**answer(), "result": [region(13, 14, "OS")]}))


def test_line_break_may_be_written_as_two_characters(tmp_path: Path) -> None:
    text = "OS 14.1\nmonths"
    broken = region(3, 14, "OS", text)
    broken["value"]["text"] = "14.1\\nmonths"
    (sentence,), _ = read(tmp_path, task({"result": [broken]}, text=text))
    assert spans(sentence) == [(3, 14, "OS")]


def test_code_units_go_before_code_points(tmp_path: Path) -> None:
    """Both places read "1"; only one was meant."""
    text = "\U0001f9ec 11 9"
    (sentence,), _ = read(tmp_path, task({"result": [region(2, 3, "OS", text)]}, text=text))
    assert spans(sentence) == [(2, 3, "OS")]


def test_task_counted_in_code_points_is_read_so_as_a_whole(tmp_path: Path) -> None:
    text = "\U0001f9ec 12 34"
    counted = [region(2, 4, "OS", text, start=2, end=4), region(5, 7, "ORR", text, start=5, end=7)]
    (sentence,), _ = read(tmp_path, task({"result": counted}, text=text))
    assert spans(sentence) == [(2, 4, "OS"), (5, 7, "ORR")]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"text": "something else"}, "offsets do not match the marked text"),
        ({"end": 999}, "offsets do not match"),
        ({"labels": ["OS", "PFS"]}, "one label a region"),
        ({"start": None}, "bad offsets"),
    ],
)
def test_region_that_does_not_fit_its_text_is_refused_with_its_task(
    tmp_path: Path, value: dict[str, Any], says: str
) -> None:
    with pytest.raises(AnnotationError, match=says) as caught:
        read(tmp_path, task(answer(OS)), task({"result": [region(*OS, **value)]}))
    assert "train.json, task 2" in str(caught.value)


def test_regions_on_other_than_plain_text_are_refused(tmp_path: Path) -> None:
    other = region(*OS) | {"type": "hypertextlabels"}
    with pytest.raises(AnnotationError, match="hypertextlabels"):
        read(tmp_path, task({"result": [other]}))


def test_relations_and_choices_are_passed_over(tmp_path: Path) -> None:
    beside = [
        {"type": "relation", "from_id": "x", "to_id": "y"},
        {"type": "choices", "value": {"choices": ["a"]}},
    ]
    (sentence,), _ = read(tmp_path, task({"result": [*beside, region(*OS)]}))
    assert spans(sentence) == [OS]


@settings(deadline=None)  # other programs run beside
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    cuts=st.lists(st.integers(0, 30), min_size=2, max_size=8, unique=True),
)
def test_any_text_comes_back_as_it_was_marked(
    tmp_path_factory: pytest.TempPathFactory, text: str, cuts: list[int]
) -> None:
    """Whatever the text holds: astral characters, combining ones, line breaks, controls."""
    ordered = [cut for cut in sorted(cuts) if cut <= len(text)]
    wanted = [
        Span(start, end, "OS")
        for start, end in zip(ordered[::2], ordered[1::2], strict=False)
        if text[start:end] and text[start:end] == text[start:end].strip()
    ]
    marked = [region(span.start, span.end, span.label, text) for span in wanted]
    (sentence,), _ = read(tmp_path_factory.mktemp("any"), task({"result": marked}, text=text))
    assert list(sentence.entities) == wanted
