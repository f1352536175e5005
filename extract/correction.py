"""Responsible for holding what a model found against its bundle's rules (:mod:`extract.rules`).

For each mention, in this order: brackets and punctuation are cut off its ends; one behind a sign of another
matter is left out; a part of a phrase becomes the phrase; one without a value, or with several numbers, is
left out; the unit behind its number is taken in; one that no unit follows, or whose score is too low, is left
out. Then those are left out whose label never stands with a word of the sentence, or never without one that
it lacks, or never alone. Pure; mentions of labels without rules pass as they are, if their score is high
enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from extract.quantities import parse_quantity
from extract.records import Mention
from extract.rules import LabelRules, MentionRules

NUMBER = re.compile(r"\d+(?:,\d+)*(?:\s?[.·∙•⋅]\s?\d+)?")
"""A number as texts have it, with the thousands' commas, or a decimal point between spaces."""

_POINTS = ".·∙•⋅"
_NOTHING = re.compile(r"(?!)")


class Corrector:
    """A bundle's rules, ready to be applied."""

    def __init__(self, rules: MentionRules, min_score: float = 0.0) -> None:
        """:param min_score: of labels that have none of their own."""
        self._rules = rules
        self._min_score = min_score
        self._matchers = {label: _Matcher(of_label) for label, of_label in rules.labels.items()}
        self._company = {
            label: of_label.only_with for label, of_label in rules.labels.items() if of_label.only_with
        }
        labels = rules.labels.items()
        self._wanted = _patterns((label, of_label.only_with_words) for label, of_label in labels)
        self._unwanted = _patterns((label, of_label.never_with_words) for label, of_label in labels)

    def correct(self, text: str, mentions: Sequence[Mention]) -> tuple[Mention, ...]:
        """What is left of the mentions of a text, in order, without overlap."""
        kept: list[Mention] = []
        for index, mention in enumerate(mentions):
            matcher = self._matchers.get(mention.label)
            if matcher is None:
                if mention.score >= self._min_score:
                    kept.append(mention)
                continue
            floor = kept[-1].end if kept else 0
            limit = mentions[index + 1].start if index + 1 < len(mentions) else len(text)
            bounds = matcher.find_bounds(text, mention.start, mention.end, floor, limit)
            if bounds and mention.score >= matcher.min_score(self._min_score):
                kept.append(replace(mention, start=bounds[0], end=bounds[1]))
        return tuple(self._in_company(self._by_words(text, kept)))

    def _by_words(self, text: str, mentions: list[Mention]) -> list[Mention]:
        """Those whose label has a word in the text that it needs, if it needs any, and none that it bars."""
        for patterns, wanted in ((self._wanted, True), (self._unwanted, False)):
            for pattern, labels in patterns:
                concerned = any(mention.label in labels for mention in mentions)
                if concerned and bool(pattern.search(text)) is not wanted:
                    mentions = [mention for mention in mentions if mention.label not in labels]
        return mentions

    def _in_company(self, mentions: list[Mention]) -> list[Mention]:
        """Those that may stand with the others; again, until none is left out."""
        present = {mention.label for mention in mentions}
        if present.isdisjoint(self._company):
            return mentions
        lonely = {
            label
            for label in present
            if not all(present.intersection(group) for group in self._company.get(label, ()))
        }
        if not lonely:
            return mentions
        return self._in_company([mention for mention in mentions if mention.label not in lonely])


class _Matcher:
    """The rules of one label as patterns."""

    def __init__(self, rules: LabelRules) -> None:
        self._rules = rules
        self._begins = rules.never_begins + " "
        self._ends = rules.never_ends + " "
        self._behind = tuple(sign.lower() for sign in rules.never_after)
        self._unit = _any_of(rules.units)
        self._unit_word = _any_of({unit.lstrip(" -") for unit in rules.units}) or _NOTHING
        self._phrase = _any_of(rules.phrases)

    def min_score(self, default: float) -> float:
        return default if self._rules.min_score is None else self._rules.min_score

    def find_bounds(self, text: str, start: int, end: int, floor: int, limit: int) -> tuple[int, int] | None:
        """Where the mention should begin and end, within ``floor`` and ``limit``; None: nowhere."""
        start, end = self._trim(text, start, end)
        if start == end or self._stands_behind_sign(text, start):
            return None
        numbers = list(NUMBER.finditer(text, start, end))
        if not numbers:
            return self._without_number(text, start, end, floor, limit)
        if self._rules.one_number and len(numbers) > 1:
            return None
        if self._unit is None or text[numbers[-1].end() : end].strip(" -"):
            return start, end
        unit = self._unit.match(text, numbers[-1].end())
        if unit is not None:
            return start, max(end, min(unit.end(), limit))
        if self._rules.unit_follows and not self._unit_word.search(text, end):
            return None
        return start, end

    def _trim(self, text: str, start: int, end: int) -> tuple[int, int]:
        while start < end and (text[start] in self._begins or text[start].isspace()):
            if text[start] in _POINTS and text[start + 1 : end][:1].isdigit():
                break  # ".78" is a number
            start += 1
        while start < end and (text[end - 1] in self._ends or text[end - 1].isspace()):
            end -= 1
        return start, end

    def _stands_behind_sign(self, text: str, start: int) -> bool:
        if not self._behind:
            return False
        before = text[max(0, start - 24) : start].rstrip().lower()
        return before.endswith(self._behind) and any(_ends_whole(before, sign) for sign in self._behind)

    def _without_number(
        self, text: str, start: int, end: int, floor: int, limit: int
    ) -> tuple[int, int] | None:
        if self._phrase is not None:
            for match in self._phrase.finditer(text, floor, limit):
                if match.start() < end and start < match.end():
                    return match.span()
        if self._rules.needs_value and parse_quantity(text[start:end]) is None:
            return None
        return start, end


def _patterns(
    words: Iterable[tuple[str, tuple[str, ...]]],
) -> list[tuple[re.Pattern[str], frozenset[str]]]:
    """Words as patterns, each with all labels that have them: a text is searched once for equal words."""
    labels: dict[tuple[str, ...], set[str]] = {}
    for label, some in words:
        labels.setdefault(some, set()).add(label)
    found = ((_any_of(some), frozenset(names)) for some, names in labels.items())
    return [(pattern, names) for pattern, names in found if pattern is not None]


def _any_of(strings: Iterable[str]) -> re.Pattern[str] | None:
    """Any of the strings, the longest first; no letter stands right behind one that ends with a letter, nor
    before one that begins with it."""
    ordered = sorted(strings, key=lambda string: (-len(string), string))
    if not ordered:
        return None
    return re.compile("|".join(map(_whole, ordered)), re.IGNORECASE)


def _whole(string: str) -> str:
    before = r"(?<![^\W\d_])" if string[0].isalpha() else ""
    behind = r"(?![^\W\d_])" if string[-1].isalpha() else ""
    return before + re.escape(string) + behind


def _ends_whole(text: str, sign: str) -> bool:
    """Whether the text ends with the sign, and not within a word."""
    before = text[: -len(sign)][-1:]
    return text.endswith(sign) and not (sign[0].isalnum() and before.isalnum())
