"""Causes of errors are told by the words around them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from extract.annotations import AnnotatedSentence, Span
from extract.bundle import ModelBundle
from extract.causes import OTHER, count_by_label, name_causes, read_causes
from extract.errors import AnnotationError
from extract.mistakes import Mistake, find_mistakes, render_mistakes
from extract.records import Mention
from jobs.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "endpoints" / "causes.json"


def mistake(marked: str, annotated: str = "", found: str = "", score: float = 0.8) -> Mistake:
    """About what stands in ``[ ]``."""
    text = marked.replace("[", "").replace("]", "")
    start, end = marked.index("["), marked.index("]") - 1
    gold = (Span(start, end, annotated),) if annotated else ()
    spans = [Mention(start, end, found, score)] if found else []
    (wrong,) = find_mistakes([AnnotatedSentence("S", "D", text, gold)], [spans])
    return wrong


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        (
            mistake("PFS and OS were [3.1] and 9 months, respectively", "PFS", "OS"),
            "endpoints confused in a list",
        ),
        (mistake("OS (95% CI [3.1]-9.0)", "OS_CIL", "OS"), "value and bound confused"),
        (mistake("OS is about [3-5 months]", "", "OS"), "spread"),
        (mistake("OS was 14 months (range [3.1]-9.0)", "", "OS_CIL"), "spread"),
        (mistake("14.1 ± [2.0] months", "", "OS"), "spread"),
        (mistake("assuming a median OS of [10 months]", "", "OS"), "design assumption"),
        (mistake("a median OS of 41 against 21 months ([19.6]-month improvement)", "", "OS"), "difference"),
        (mistake("the drug improved ORR by [24%]", "", "ORR"), "difference"),
        (mistake("HR 0.7 (95% CI [0.5]-0.9)", "", "OS_CIL"), "bound of a ratio or of a p value"),
        (mistake("median TTP was [9.5 months]", "", "PFS"), "unlisted endpoint"),
        (mistake("disease control in [60%]", "", "ORR"), "unlisted endpoint"),
        (mistake("risk at [5 years]", "", "time_point"), "landmark without its rate"),
        (mistake("had died, 57 ([66.3%])", "", "OS_percent"), "share who died or relapsed"),
        (mistake("smokers ([57.1%] of the population)", "", "ORR"), "per cent of something else"),
        (mistake("The response rate was [60%]", "", "ORR", score=0.995), "annotation doubtful"),
        (mistake("Median OS was [9 months]", "OS"), "not found"),
    ],
)
def test_the_endpoints_examples(wrong: Mistake, cause: str) -> None:
    (named,) = name_causes([wrong], read_causes(EXAMPLES))
    assert named.cause == cause


def test_the_first_rule_that_fits_names_the_cause(tmp_path: Path) -> None:
    path = tmp_path / "causes.json"
    rows = [
        {"cause": "sure", "least_score": 0.9},
        {"cause": "listed", "in_list": True},
        {"cause": "near", "before": "dose", "within": 6},
    ]
    path.write_text(json.dumps({"causes": rows}))
    rules = read_causes(path)
    text = "dose of 5 or 7 mg"
    sentence = AnnotatedSentence("S", "D", text, (Span(13, 14, "X"),))
    found = [Mention(8, 9, "X", 0.95), Mention(8, 9, "X", 0.5), Mention(8, 9, "Y", 0.5)]
    causes = [name_causes(find_mistakes([sentence], [[one]]), rules)[0].cause for one in found]
    assert causes == ["sure", "listed", OTHER]
    (near,) = name_causes([mistake("doses [5]", "", "Y")], rules)
    assert near.cause == "near"


def test_errors_are_counted_by_cause_and_label() -> None:
    named = name_causes(
        [mistake("TTP was [9.5 months]", "", label) for label in ("PFS", "PFS", "OS")]
        + [mistake("OS was [9 months]", "OS")],
        read_causes(EXAMPLES),
    )
    assert count_by_label(named) == {"unlisted endpoint": {"OS": 1, "PFS": 2}, "not found": {"OS": 1}}
    assert list(count_by_label(named)) == ["unlisted endpoint", "not found"]
    assert any("(unlisted endpoint)  TTP was {9.5 months}" in line for line in render_mistakes(named))
    assert named[0].to_dict()["cause"] == "unlisted endpoint"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"causes": [{"cause": "x", "kinds": ["wrong"]}]}',
        '{"causes": [{"cause": "x", "behind": "a"}]}',
        '{"causes": [{"cause": "x", "before": "("}]}',
        '{"causes": [{}]}',
    ],
)
def test_causes_that_say_nothing_clear_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "causes.json").write_text(text)
    with pytest.raises(AnnotationError, match="causes cannot be read"):
        read_causes(tmp_path / "causes.json")


def test_eval_counts_causes(tiny_bundle: ModelBundle, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text(
        json.dumps({"id": "1", "text": "time to progression was 14 months", "entities": []}) + "\n"
    )
    arguments = ["eval", "--model", str(tiny_bundle.path), "--data", str(data), "--causes", str(EXAMPLES)]
    told = CliRunner().invoke(main, [*arguments, "--json", "--errors", str(tmp_path / "errors.txt")])
    assert json.loads(told.stdout)["errors_by_cause"] == {"unlisted endpoint": {"OS": 1}}
    assert "(unlisted endpoint)" in (tmp_path / "errors.txt").read_text("utf-8")
    shown = CliRunner().invoke(main, arguments)
    assert "errors by cause and label" in shown.stdout
    assert "OS 1" in shown.stdout
