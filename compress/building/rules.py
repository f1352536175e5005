"""Responsible for reading a data set's rules (:mod:`extract.rules`) off its annotations.

A rule is written for a label only where its annotated mentions keep to it: all of them, but for
:data:`EXCEPTIONS` of them, which any annotation has. Only training sentences are looked at. What the rules
would change in annotations that are held out is counted by :func:`count_changed`.
"""

from __future__ import annotations

import fnmatch
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from compress.errors import CompressError
from extract.annotations import AnnotatedSentence, Span
from extract.correction import NUMBER, Corrector
from extract.quantities import has_numeral
from extract.records import Mention
from extract.rules import LabelRules, MentionRules, parse_rules

EXCEPTIONS = 0.002
"""Share of a label's mentions that may break a rule of it: what annotators get wrong."""
ENDS = 0.0005
"""The same of a bracket or punctuation mark at one end, of which there are many."""
SPLIT_WORDS = 0.0005
"""Share of the mentions' ends that may lie within a word: each is one that could not be found any more."""
UNITS_LEFT_OUT = 0.02
"""Share of a unit's uses behind a label's numbers that may lie outside the mention."""
LONELY = 0.005
"""Share of the sentences with a label that may lack its company: lists go on from one to the next."""
LEAST_LIFT = 2.0
"""How much more often than elsewhere a label must stand beside another to count as its company."""
LARGEST_GROUP = 3
"""Labels at most of which one is needed."""
FEWEST = 30
"""Mentions of a label below which nothing is said about it."""
FEWEST_UNITS = 3
"""Times that a unit stands in mentions of a label, and a sign of spread before a number."""

_UNIT = re.compile(r"[ \u00a0]?-?(?:[^\W\d_]+(?: [^\W\d_]+)?|[%‰°µ][^\W\d_]*)")
_UNIT_SIGNS = "%‰°µ"
_SPREAD = re.compile(r"(±|\+/-|\+/−)\s*\Z")


@dataclass
class _Evidence:
    """What the mentions of one label are like."""

    count: int = 0
    first: Counter[str] = field(default_factory=Counter)
    last: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)
    """What follows the last number in a mention, to its end, in lower case."""
    phrases: Counter[str] = field(default_factory=Counter)
    """Mentions without a digit or numeral, in lower case."""
    bare: list[tuple[str, int]] = field(default_factory=list)
    """Mentions that end with their number: text and end."""
    n_leading: int = 0
    """Mentions that begin with a number."""
    n_several: int = 0
    """Mentions with several numbers."""
    n_spreads: int = 0
    """Mentions right behind a sign of spread."""
    company: list[frozenset[str]] = field(default_factory=list)
    """For each sentence with the label, the others in it."""

    @property
    def most(self) -> int:
        """How many exceptions there may be."""
        return int(EXCEPTIONS * self.count)


def derive_rules(sentences: Sequence[AnnotatedSentence]) -> MentionRules:
    """The rules that the annotations of a training set keep to."""
    evidence = _gather(sentences)
    marks, spreads = _find_marks(sentences), _find_spreads(sentences)
    frequent = Counter(label for labels in _together(sentences) for label in labels)
    n_annotated = sum(bool(sentence.entities) for sentence in sentences)
    labels = {}
    for label, found in sorted(evidence.items()):
        if found.count >= FEWEST:
            only_with = _find_company(found.company, frequent, n_annotated)
            labels[label] = _derive(found, marks, spreads, only_with)
    return MentionRules(whole_words=_keeps_words_whole(sentences), labels=labels)


def state_rules(derived: MentionRules, stated: MentionRules, labels: Collection[str]) -> MentionRules:
    """Derived rules with those that a team states of its own, which win.

    :param stated: by label, or by a pattern of labels such as ``*_CIL``.
    :param labels: of the data; not all of them need have derived rules.
    :raises CompressError: a pattern fits no label of the data.
    """
    merged = dict(derived.labels)
    for pattern, rules in stated.labels.items():
        fitting = fnmatch.filter(labels, pattern)
        if not fitting:
            raise CompressError("rules are stated for no label", pattern, "none fits", ", ".join(labels))
        values = {entry: getattr(rules, entry.name) for entry in fields(rules)}
        asked = {entry.name: value for entry, value in values.items() if value != entry.default}
        merged |= {label: replace(merged.get(label, LabelRules()), **asked) for label in fitting}
    return MentionRules(derived.whole_words or stated.whole_words, merged)


def count_changed(sentences: Iterable[AnnotatedSentence], rules: MentionRules) -> tuple[int, int]:
    """How many annotated mentions the rules would change or leave out, of how many."""
    corrector = Corrector(rules)
    changed = total = 0
    for sentence in sentences:
        mentions = [Mention(span.start, span.end, span.label, 1.0) for span in sentence.entities]
        kept = set(corrector.correct(sentence.text, mentions))
        changed += sum(mention not in kept for mention in mentions)
        total += len(mentions)
    return changed, total


def read_rules(path: Path) -> MentionRules:
    """Rules as a team states them, in the form of ``reading.rules`` of ``model.json``.

    :raises CompressError: the file cannot be read, or says nothing clear.
    """
    try:
        return parse_rules(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, AttributeError) as exc:
        raise CompressError(
            "rules cannot be read",
            str(path),
            str(exc),
            "JSON with whole_words and labels",
            "begin with what `extract models rules` writes",
        ) from exc


def write_rules(path: Path, rules: MentionRules) -> None:
    """Write rules for people to read and change.

    :raises CompressError: they cannot be written.
    """
    try:
        path.write_text(json.dumps(rules.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as exc:
        raise CompressError("rules cannot be written", str(path), str(exc)) from exc


def _together(sentences: Iterable[AnnotatedSentence]) -> list[frozenset[str]]:
    return [frozenset(span.label for span in sentence.entities) for sentence in sentences]


def _gather(sentences: Sequence[AnnotatedSentence]) -> dict[str, _Evidence]:
    evidence: dict[str, _Evidence] = defaultdict(_Evidence)
    for sentence, labels in zip(sentences, _together(sentences), strict=True):
        for label in labels:
            evidence[label].company.append(labels - {label})
        for span in sentence.entities:
            _note(evidence[span.label], sentence.text, span)
    return evidence


def _note(evidence: _Evidence, text: str, span: Span) -> None:
    words = text[span.start : span.end]
    numbers = list(NUMBER.finditer(words))
    evidence.count += 1
    evidence.first[words[0]] += 1
    evidence.last[words[-1]] += 1
    evidence.n_several += len(numbers) > 1
    evidence.n_leading += bool(numbers) and numbers[0].start() == 0
    evidence.n_spreads += _spread_before(text, span.start) is not None
    if numbers and (tail := words[numbers[-1].end() :]):
        evidence.taken[tail.lower()] += 1
    elif numbers:
        evidence.bare.append((text, span.end))
    elif not has_numeral(words):
        evidence.phrases[words.lower()] += 1


def _spread_before(text: str, start: int) -> str | None:
    match = _SPREAD.search(text, max(0, start - 6), start)
    return match[1] if match else None


def _find_spreads(sentences: Iterable[AnnotatedSentence]) -> tuple[str, ...]:
    """Signs of spread that the texts have before numbers."""
    signs = Counter(
        sign
        for sentence in sentences
        for number in NUMBER.finditer(sentence.text)
        if (sign := _spread_before(sentence.text, number.start())) is not None
    )
    return tuple(sorted(sign for sign, count in signs.items() if count >= FEWEST_UNITS))


def _find_marks(sentences: Iterable[AnnotatedSentence]) -> str:
    """Brackets, punctuation and signs of the texts, those of units left out."""
    characters = {character for sentence in sentences for character in sentence.text}
    marks = (character for character in characters if unicodedata.category(character)[0] in "PS")
    return "".join(sorted(mark for mark in marks if mark not in _UNIT_SIGNS))


def _derive(
    found: _Evidence, marks: str, spreads: tuple[str, ...], only_with: tuple[tuple[str, ...], ...]
) -> LabelRules:
    never_begins = "".join(mark for mark in marks if found.first[mark] <= ENDS * found.count)
    never_ends = "".join(mark for mark in marks if found.last[mark] <= ENDS * found.count)
    if found.n_leading < 0.5 * found.count:  # names rather than values
        return LabelRules(never_begins=never_begins, never_ends=never_ends, only_with=only_with)
    units = _find_units(found)
    return LabelRules(
        never_begins=never_begins,
        never_ends=never_ends,
        units=units,
        unit_follows=_has_unit_behind(found, units),
        needs_value=True,
        one_number=found.n_several <= found.most,
        phrases=tuple(sorted(found.phrases)),
        never_after=spreads if found.n_spreads <= found.most else (),
        only_with=only_with,
    )


def _find_units(found: _Evidence) -> tuple[str, ...]:
    """Units that always belong to the mention where they directly follow its number."""
    outside = Counter(match[0].lower() for text, end in found.bare if (match := _UNIT.match(text, end)))
    return tuple(
        unit
        for unit, count in sorted(found.taken.items())
        if count >= FEWEST_UNITS and _UNIT.fullmatch(unit) and outside[unit] <= UNITS_LEFT_OUT * count
    )


def _has_unit_behind(found: _Evidence, units: tuple[str, ...]) -> bool:
    """Whether a unit follows somewhere behind each mention that has none."""
    if not units or len(found.bare) < FEWEST:
        return False
    words = "|".join(re.escape(unit.lstrip(" -")) for unit in units)
    pattern = re.compile(rf"(?:{words})(?![^\W\d_])", re.IGNORECASE)
    return sum(pattern.search(text, end) is None for text, end in found.bare) <= found.most


def _find_company(
    company: Sequence[frozenset[str]], frequent: Counter[str], n_annotated: int
) -> tuple[tuple[str, ...], ...]:
    """Labels that always stand in the same sentence, each a group; else a small group of which one does.

    :param frequent: annotated sentences with each label, of ``n_annotated``.
    """
    beside = Counter(label for others in company for label in others)
    lift = {label: count * n_annotated / (frequent[label] * len(company)) for label, count in beside.items()}
    close = {label for label, value in lift.items() if value >= LEAST_LIFT}
    most = int(LONELY * len(company))
    if always := sorted(label for label in close if len(company) - beside[label] <= most):
        return tuple((label,) for label in always)
    group: list[str] = []
    left = list(company)
    while len(left) > most and len(group) < LARGEST_GROUP:
        nearest = Counter(label for others in left for label in sorted(others & close)).most_common(1)
        if not nearest:
            break
        group.append(nearest[0][0])
        left = [others for others in left if nearest[0][0] not in others]
    return (tuple(sorted(group)),) if group and len(left) <= most else ()


def _keeps_words_whole(sentences: Iterable[AnnotatedSentence]) -> bool:
    """Whether hardly any annotated mention begins or ends between two letters or digits."""
    n_ends = n_within = 0
    for sentence in sentences:
        for span in sentence.entities:
            for place in (span.start, span.end):
                n_ends += 1
                n_within += sentence.text[max(place - 1, 0) : place + 1].isalnum() and 0 < place < len(
                    sentence.text
                )
    return n_within <= SPLIT_WORDS * n_ends
