"""What a model got wrong, and how."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extract.annotations import AnnotatedSentence, Span
from extract.errors import OutputError
from extract.mistakes import (
    MISSED,
    SPURIOUS,
    confusion_table,
    count_kinds,
    find_mistakes,
    mark,
    write_mistakes,
)

TEXT = "OS was 14.1 months and PFS 7.2 months."
OS = Span(7, 18, "OS")
PFS = Span(27, 37, "PFS")
SENTENCE = AnnotatedSentence("S1", "D1", TEXT, (OS, PFS))


def kinds(*found: Span) -> list[tuple[str, str, str]]:
    return [(mistake.kind, *mistake.labels) for mistake in find_mistakes([SENTENCE], [found])]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((OS, PFS), []),
        ((OS,), [("missed", "PFS", MISSED)]),
        ((OS, PFS, Span(0, 2, "DFS")), [("spurious", SPURIOUS, "DFS")]),
        ((OS, Span(27, 37, "DFS")), [("other_label", "PFS", "DFS")]),
        ((OS, Span(27, 30, "DFS")), [("other_label", "PFS", "DFS")]),
        ((OS, Span(27, 30, "PFS")), [("boundary", "PFS", "PFS")]),
        # One find over two entities explains the longer overlap only.
        ((Span(7, 37, "OS"),), [("boundary", "OS", "OS"), ("missed", "PFS", MISSED)]),
        # Of two pieces of one entity the longer is the find.
        (
            (Span(7, 9, "OS"), Span(10, 18, "OS"), PFS),
            [("boundary", "OS", "OS"), ("spurious", SPURIOUS, "OS")],
        ),
        # Of equal overlaps the one with the right label is.
        (
            (Span(7, 12, "DFS"), Span(12, 17, "OS"), PFS),
            [("boundary", "OS", "OS"), ("spurious", SPURIOUS, "DFS")],
        ),
    ],
)
def test_each_mistake_has_its_kind(found: tuple[Span, ...], expected: list[tuple[str, str, str]]) -> None:
    assert kinds(*found) == expected


def test_the_table_holds_every_entity_and_every_find_once() -> None:
    found = (Span(7, 18, "DFS"), Span(27, 30, "PFS"), Span(0, 2, "OS"))
    mistakes = find_mistakes([SENTENCE, SENTENCE], [found, (OS,)])
    rows = {row["annotated"]: row for row in confusion_table([SENTENCE, SENTENCE], mistakes)}
    assert rows["OS"] == {"annotated": "OS", "DFS": 1, "OS": 1, "PFS": 0, MISSED: 0, "wrong_bounds": 0}
    assert rows["PFS"] == {"annotated": "PFS", "DFS": 0, "OS": 0, "PFS": 1, MISSED: 1, "wrong_bounds": 1}
    assert rows["DFS"] == {"annotated": "DFS", "DFS": 0, "OS": 0, "PFS": 0, MISSED: 0, "wrong_bounds": 0}
    assert rows[SPURIOUS]["OS"] == 1
    assert count_kinds(mistakes) == {"other_label": 1, "boundary": 1, "missed": 1, "spurious": 1}


def test_mistakes_are_written_for_machines_and_for_people(tmp_path: Path) -> None:
    mistakes = find_mistakes([SENTENCE], [(Span(0, 2, "OS"), OS)])
    write_mistakes(tmp_path / "errors.jsonl", mistakes)
    missed, spurious = map(json.loads, (tmp_path / "errors.jsonl").read_text("utf-8").splitlines())
    assert (missed["kind"], missed["annotated"]["text"], missed["found"]) == ("missed", "7.2 months", None)
    assert (spurious["kind"], spurious["found"]["text"], spurious["text"]) == ("spurious", "OS", TEXT)
    write_mistakes(tmp_path / "errors.txt", mistakes)
    text = (tmp_path / "errors.txt").read_text("utf-8")
    assert "missed: 1\n\n  PFS -> (missed): 1\n    S1  OS was 14.1 months and PFS [7.2 months]." in text
    assert "boundary: 0" in text
    with pytest.raises(OutputError, match="cannot be written"):
        write_mistakes(tmp_path / "nowhere" / "errors.txt", mistakes)


def test_annotated_and_found_are_marked_in_one_line() -> None:
    sentence = AnnotatedSentence("S", "D", "a bc\nd", (Span(2, 4, "X"),))
    (mistake,) = find_mistakes([sentence], [(Span(2, 6, "X"),)])
    assert mark(mistake) == "a [{bc] d}"
    (mistake,) = find_mistakes([sentence], [(Span(2, 4, "Y"),)])
    assert mark(mistake) == "a [{bc}] d"
