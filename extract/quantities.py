"""Responsible for reading one reported value: a number with its unit, or that there is none yet.

``14.1 months``, ``82·5%``, ``1,234``, ``2-``, ``five-year``, ``not reached``, ``NE``. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

REPORTED = "reported"
NOT_REACHED = "not_reached"
NOT_ESTIMABLE = "not_estimable"

PERCENT = "percent"

_DAYS_PER_MONTH = 365.25 / 12
MONTHS_PER_UNIT = {
    "months": 1.0,
    "years": 12.0,
    "weeks": 7 / _DAYS_PER_MONTH,
    "days": 1 / _DAYS_PER_MONTH,
}
"""How many months of 30.4375 days each unit of time has."""

UNIT_PATTERN = (
    r"(?<![A-Za-z])(?:months?|mos?|mths?|mon|m|years?|yrs?|y|weeks?|wks?|w|days?|d)\b(?:\(s\))?"
    r"|%|percent\b|per\s+cent\b"
)
_UNIT = re.compile(UNIT_PATTERN, re.IGNORECASE)
_FIRST_LETTER = {"m": "months", "y": "years", "w": "weeks", "d": "days", "%": PERCENT, "p": PERCENT}

# A comma stands between thousands where exactly three digits follow, else it is a decimal comma.
_NUMBER = re.compile(r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?:\s?[.·∙•⋅,]\s?(?P<part>\d+))?|[.·]\d+")
_NOT_REACHED = re.compile(
    r"\b(?:not|never)\b.*\b(?:reached|achieved|attained|met)\b|^N\.?R\.?$|^[+∞]$|^inf", re.IGNORECASE
)
_NOT_ESTIMABLE = re.compile(
    r"\b(?:not|non|in)[\s-]?(?:yet\s+)?(?:been\s+)?"
    r"(?:estimable|estimated|evaluable|calculable|calculated|determined|determinable|available|defined|assessable)"
    r"|^N\.?[EACD]\.?$",
    re.IGNORECASE,
)

_NUMERALS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen"""
_DECADES = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES = tuple(_NUMERALS.split())
_TENS = tuple(_DECADES.split())
_WORDS = {word: value for value, word in enumerate(_ONES)} | {
    word: 10 * value for value, word in enumerate(_TENS, start=2)
}
_WORD_NUMBER = re.compile(
    rf"\b({'|'.join(_TENS)})[\s-]+({'|'.join(_ONES[1:10])})\b"
    rf"|\b({'|'.join(sorted(_WORDS, key=len, reverse=True))})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What the text of a value says."""

    state: str
    """:data:`REPORTED`, :data:`NOT_REACHED` or :data:`NOT_ESTIMABLE`."""
    number: float | None
    """As written; None unless reported."""
    unit: str | None
    """``months``, ``years``, ``weeks``, ``days`` or ``percent``; None where the text has none."""
    open_ended: bool = False
    """Whether a plus sign says that it is at least so much: ``24.1+ months``."""


def parse_quantity(text: str) -> Quantity | None:
    """Read the text of a value; None where it is none that is known."""
    text = " ".join(text.split())
    if _NOT_ESTIMABLE.search(text):
        return Quantity(NOT_ESTIMABLE, None, None)
    if _NOT_REACHED.search(text):
        return Quantity(NOT_REACHED, None, None)
    match = _NUMBER.search(text)
    if match:
        number = _value_of(match)
    else:
        match = _WORD_NUMBER.search(text)
        if not match:
            return None
        number = float(sum(_WORDS[word.lower()] for word in match.groups() if word))
    rest = text[match.end() :]
    return Quantity(REPORTED, number, find_unit(rest), open_ended=rest.lstrip().startswith("+"))


def find_unit(text: str) -> str | None:
    """The first unit in a text, under the name of its kind."""
    match = _UNIT.search(text)
    return _FIRST_LETTER[match[0][0].lower()] if match else None


def has_numeral(text: str) -> bool:
    """Whether a number stands in the text as a word: ``five-year``."""
    return _WORD_NUMBER.search(text) is not None


def to_months(number: float, unit: str) -> float:
    """A time in months, to four decimals."""
    return round(number * MONTHS_PER_UNIT[unit], 4)


def _value_of(match: re.Match[str]) -> float:
    if match["whole"] is None:
        return float("0." + match[0][1:])
    whole = match["whole"].replace(",", "")
    return float(f"{whole}.{match['part']}") if match["part"] else float(whole)
