"""Values are read as they are written in papers: middle dots, number words, states without a number."""

from __future__ import annotations

import pytest

from extract.quantities import NOT_ESTIMABLE, NOT_REACHED, Quantity, parse_quantity, to_months


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("82·5%", 82.5, "percent"),
        ("14.1 months", 14.1, "months"),
        ("14.1mo", 14.1, "months"),
        ("14 . 1 months", 14.1, "months"),
        ("12,5 months", 12.5, "months"),
        ("1,234 days", 1234.0, "days"),
        ("2-", 2.0, None),
        ("5-year", 5.0, "years"),
        ("5-yr", 5.0, "years"),
        ("18-months", 18.0, "months"),
        ("61 weeks", 61.0, "weeks"),
        ("five year", 5.0, "years"),
        ("Seventy-four percent", 74.0, "percent"),
        ("54 per cent", 54.0, "percent"),
        ("month(s) 3", 3.0, None),
        (".58", 0.58, None),
        ("11 MONTHS", 11.0, "months"),
    ],
)
def test_number_and_unit_are_read(text: str, number: float, unit: str | None) -> None:
    assert parse_quantity(text) == Quantity("reported", number, unit)


@pytest.mark.parametrize(
    "text", ["not reached", "NR", "N.R.", "not yet been reached", "never reached", "+", "∞"]
)
def test_value_not_reached_is_a_state(text: str) -> None:
    assert parse_quantity(text) == Quantity(NOT_REACHED, None, None)


@pytest.mark.parametrize("text", ["NE", "NA", "ND", "not estimable", "not evaluable", "non-estimable"])
def test_value_not_estimable_is_a_state(text: str) -> None:
    assert parse_quantity(text) == Quantity(NOT_ESTIMABLE, None, None)


def test_plus_sign_leaves_the_end_open() -> None:
    assert parse_quantity("41.5+ months") == Quantity("reported", 41.5, "months", open_ended=True)


@pytest.mark.parametrize("text", ["", "determined", "months"])
def test_text_without_value_is_none(text: str) -> None:
    assert parse_quantity(text) is None


def test_times_become_months() -> None:
    assert to_months(5, "years") == 60
    assert to_months(61, "weeks") == pytest.approx(14.03, abs=0.01)
    assert to_months(365.25, "days") == 12
