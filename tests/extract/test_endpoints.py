"""Spans become facts: value, interval, landmark and group belong together, and oddities are flagged."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.endpoint_links import read_cases, score
from extract.endpoint_draft import KINDS
from extract.endpoints import FLAGS, EndpointRecord, join_records
from extract.records import Mention

_SHORT = {"T": "time_point", "OS%": "OS_percent", "PFS%": "PFS_percent", "DFS%": "DFS_percent"}


def annotated(marked: str) -> tuple[str, list[Mention]]:
    """The text and mentions of ``"OS was {14.1|OS} months"``."""
    text, mentions = "", []
    for part in re.split(r"(\{[^}]*\})", marked):
        if part.startswith("{"):
            words, label = part[1:-1].split("|")
            for short, full in _SHORT.items():
                label = re.sub(rf"^{re.escape(short)}(?=$|_)", full, label)
            mentions.append(Mention(len(text), len(text) + len(words), label, 0.9))
            part = words
        text += part
    return text, mentions


def joined(marked: str) -> list[tuple[object, ...]]:
    """Endpoint, value, bounds, landmark and group of every record."""
    text, mentions = annotated(marked)
    return [
        (
            record.endpoint,
            record.value.value if record.value else None,
            record.lower.value if record.lower else None,
            record.upper.value if record.upper else None,
            record.landmark.value if record.landmark else None,
            text[slice(*record.group)] if record.group else None,
        )
        for record in join_records(text, mentions)
    ]


def one(marked: str) -> EndpointRecord:
    (record,) = join_records(*annotated(marked))
    return record


def test_value_and_interval_are_one_record() -> None:
    record = one("Median OS was {14.1 months|OS} (95% CI {11.2|OS_CIL}-{17.8|OS_CIH}).")
    assert (record.endpoint, record.measure, record.value_state) == ("OS", "time", "reported")
    assert (record.value.value, record.lower.value, record.upper.value) == (14.1, 11.2, 17.8)  # type: ignore[union-attr]
    assert (record.level.percent, record.flags) == (95.0, ())  # type: ignore[union-attr]


def test_every_part_has_its_place() -> None:
    text, mentions = annotated(
        "The {5-year|T} OS was {60%|OS%} (90% CI {55|OS%_CIL}-{65%|OS%_CIH}) in arm A."
    )
    (record,) = join_records(text, mentions)
    parts = (record.value, record.lower, record.upper, record.landmark, record.level)
    assert [text[part.start : part.end] for part in parts if part] == ["60%", "55", "65%", "5-year", "90% CI"]
    assert text[slice(*record.group)] == "arm A"  # type: ignore[misc]


def test_years_and_weeks_become_months_and_stay_as_written() -> None:
    record = one("OS was {1.5 years|OS} ({1.2|OS_CIL} to {2.0|OS_CIH}, 95% CI).")
    assert (record.value.value, record.value.original, record.value.unit) == (18.0, 1.5, "years")  # type: ignore[union-attr]
    assert (record.lower.value, record.upper.value) == (14.4, 24.0)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "marked",
    [
        "OS was {20.3|OS} vs. {15.6 months|OS}",
        "OS (months) was {20.3|OS} and {15.6|OS}",
        "OS in months was {20.3|OS} and {15.6|OS}",
        "OS was {20.3|OS} (2.1) months and {15.6|OS} (1.1) months",
    ],
)
def test_unit_is_found_where_the_list_has_it(marked: str) -> None:
    text, mentions = annotated(marked)
    records = join_records(text, mentions)
    assert [(r.value.value, r.value.unit, r.flags) for r in records if r.value] == [  # type: ignore[misc]
        (20.3, "months", ()),
        (15.6, "months", ()),
    ]


def test_restatement_in_another_unit_is_not_a_second_value() -> None:
    record = one("PFS was {5.6 years|PFS} ({67 months|PFS}; 95% CI {58|PFS_CIL}–{79|PFS_CIH}).")
    assert record.value.value == 67.2  # type: ignore[union-attr]
    assert (record.lower.value, record.upper.value) == (58.0, 79.0)  # type: ignore[union-attr]
    assert record.restated is not None


def test_different_values_in_different_units_stay_two() -> None:
    assert len(joined("OS was {2 years|OS} ({14 weeks|OS} in the others).")) == 2


def test_not_reached_is_a_state() -> None:
    record = one("OS was {not reached|OS} (95% CI {24.6 months|OS_CIL}-{NR|OS_CIH}).")
    assert (record.value_state, record.value.value, record.flags) == ("not_reached", None, ())  # type: ignore[union-attr]
    assert (record.lower.value, record.upper.state) == (24.6, "not_reached")  # type: ignore[union-attr]


def test_respectively_list_is_dealt_out_in_order() -> None:
    marked = "ORR was {20%|ORR} and {31%|ORR} in the placebo and olaparib arms, respectively."
    assert [(row[1], row[5]) for row in joined(marked)] == [(20.0, "placebo"), (31.0, "olaparib arms")]


def test_arm_called_a_is_a_name_and_no_article() -> None:
    values = "{2.5 years|OS} (95% CI {24|OS_CIL}-{36 months|OS_CIH}) and {61 weeks|OS}"
    marked = f"OS was {values} in the A and B arms, respectively."
    assert [(row[1], row[5]) for row in joined(marked)] == [(30.0, "A"), (14.0287, "B arms")]
    assert [row[5] for row in joined("ORR was {20%|ORR} in a trial and {31%|ORR} in a cohort.")] == [
        None,
        None,
    ]


def test_group_behind_each_value_is_taken() -> None:
    marked = (
        "OS was {9.1 months|OS} (95% CI {8|OS_CIL}-{10|OS_CIH}) with A-12 vs {7.0 months|OS} with placebo."
    )
    assert [row[5] for row in joined(marked)] == ["A-12", "placebo"]


def test_group_of_a_bare_pair_is_left_open() -> None:
    assert [row[5] for row in joined("A-12 beat placebo: OS {9.1|OS} vs {7.0 months|OS}.")] == [None, None]


def test_list_of_times_is_dealt_out_to_each_group() -> None:
    marked = (
        "The {1-|T}, {3-|T} and {5-year|T} OS rates were {88%|OS%}, {60%|OS%} and {42%|OS%} in the TACE "
        "group and {81%|OS%}, {50%|OS%} and {33%|OS%} in the resection group."
    )
    assert [row[4] for row in joined(marked)] == [12.0, 36.0, 60.0] * 2
    assert [row[5] for row in joined(marked)] == ["TACE group"] * 3 + ["resection group"] * 3


def test_pairs_at_each_time_are_dealt_out_by_time() -> None:
    marked = "OS after {1|T} and {2 years|T} ({96%|OS%} vs. {87%|OS%} and {87%|OS%} vs. {75%|OS%})."
    assert [row[4] for row in joined(marked)] == [12.0, 12.0, 24.0, 24.0]


def test_time_behind_its_rate_is_found() -> None:
    marked = "{81%|OS%} were alive at {5 years|T} and {60%|OS%} at {10 years|T}."
    assert [row[4] for row in joined(marked)] == [60.0, 120.0]


def test_time_is_not_guessed_where_two_readings_are_left() -> None:
    text, mentions = annotated(
        "OS at {2|T} and {3 years|T} was better with X ({40%|OS%}) than with Y ({13%|OS%})."
    )
    assert [(record.landmark, record.flags) for record in join_records(text, mentions)] == [
        (None, ("landmark_unclear",))
    ] * 2


def test_intervals_behind_all_values_are_paired_in_order() -> None:
    marked = (
        "PFS was {9.2|PFS} and {7.6 months|PFS} (95% CIs {7.9|PFS_CIL}–{11.0|PFS_CIH} and "
        "{6.3|PFS_CIL}–{8.8|PFS_CIH})."
    )
    assert [row[1:4] for row in joined(marked)] == [(9.2, 7.9, 11.0), (7.6, 6.3, 8.8)]


@pytest.mark.parametrize(
    ("marked", "flag"),
    [
        ("OS {9 months|OS} (95% CI {10|OS_CIL}-{12|OS_CIH})", "lower_above_value"),
        ("OS {19 months|OS} (95% CI {10|OS_CIL}-{12|OS_CIH})", "value_above_upper"),
        ("OS {9 months|OS} (95% CI {12|OS_CIL}-{8|OS_CIH})", "lower_above_upper"),
        ("ORR {129%|ORR}", "rate_out_of_range"),
        ("OS {901 months|OS}", "implausible_time"),
        ("OS {12.1|OS}", "unit_assumed"),
        ("OS {twelveish|OS}", "value_unreadable"),
        ("OS (95% CI {8|OS_CIL}-{12 months|OS_CIH})", "value_missing"),
        ("ORR {50%|ORR} (lower 95% CI {33%|ORR_CIL})", "bound_missing"),
        ("ORR {50%|ORR} ({33%|ORR_CIL}-{60%|ORR_CIH})", "level_missing"),
        ("ORR {50%|ORR} (95% CI {low|ORR_CIL}-{60%|ORR_CIH})", "bound_unreadable"),
        ("OS {8.7+ months|OS}", "open_ended"),
        ("OS at {99 years|T} {50%|OS%}", "implausible_landmark"),
    ],
)
def test_odd_value_is_kept_and_flagged(marked: str, flag: str) -> None:
    (record,) = join_records(*annotated(marked))
    assert flag in record.flags


def test_every_flag_is_explained() -> None:
    assert all(name.islower() and text for name, text in FLAGS.items())


def test_other_labels_are_passed_over() -> None:
    assert join_records("aspirin", [Mention(0, 7, "Chemical", 1.0)]) == []


LABELS = [*KINDS, *(kind + bound for kind in KINDS for bound in ("_CIL", "_CIH")), "time_point"]


@given(
    st.lists(
        st.sampled_from(
            ["14.1 months", "NR", "7%", "x", "(", ")", " and ", " vs ", "5-year", " in arm A", ", "]
        )
    ),
    st.data(),
)
def test_no_value_is_ever_dropped_or_doubled(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    mentions, at = [], 0
    for piece in pieces:
        if data.draw(st.booleans()):
            mentions.append(Mention(at, at + len(piece), data.draw(st.sampled_from(LABELS)), 0.5))
        at += len(piece)
    records = join_records(text, mentions)
    values = [(r.value.start, r.value.end) for r in records if r.value] + [
        r.restated for r in records if r.restated
    ]
    assert sorted(values) == sorted((m.start, m.end) for m in mentions if m.label in KINDS)
    bounds = [(b.start, b.end) for r in records for b in (r.lower, r.upper) if b]
    assert sorted(bounds) == sorted((m.start, m.end) for m in mentions if m.label[-4:] in ("_CIL", "_CIH"))
    assert all(set(record.flags) <= FLAGS.keys() for record in records)


def test_long_hostile_sentence_takes_no_quadratic_time() -> None:
    text = "in the (((" * 20_000 + " 5 months"
    record = join_records(text, [Mention(len(text) - 8, len(text), "OS", 1.0)])[0]
    assert record.value is not None


@pytest.mark.parametrize("half", ["development", "report"])
def test_links_on_annotated_sentences_stay_as_good_as_documented(half: str) -> None:
    """The invented sentences are always there; the figures of the docs add the real ones."""
    found = score(case for case in read_cases() if case.half == half)
    assert all(found[kind].precision == found[kind].recall == 1.0 for kind in ("lower", "upper", "level"))
    assert found["landmark"].precision == 1.0
    assert found["landmark"].recall > 0.9
    assert found["group"].precision > 0.9
    assert found["group"].recall > 0.4
