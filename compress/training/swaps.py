"""Responsible for counterfactual sentences: the same sentence about another endpoint, with labels to match.

A model learns all too readily that "median ... months" is a survival time. Where the names of what was
measured are swapped for others ("overall survival" for "time to progression") and the labels follow, the
name alone tells the two sentences apart, and that is what the model must then look at. A table says which
names belong together; names without a label stand for what is not to be found.

Sentences whose labels might hang on anything but those names are left alone.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.errors import DataError
from extract.annotations import AnnotatedSentence, Span


@dataclass(frozen=True)
class Family:
    """Names of one thing that is measured."""

    label: str | None
    """Of its values; its other labels begin with it (``OS``, ``OS_CIL``). None: nothing is labelled."""
    long: tuple[str, ...]
    """Spelled out; a space or hyphen in a name stands for either."""
    short: tuple[str, ...]
    """Abbreviations, as capitalised here."""


@dataclass(frozen=True)
class SwapTable:
    """What may be swapped for what."""

    groups: tuple[tuple[Family, ...], ...]
    """Families whose names can stand in for each other."""
    unless: re.Pattern[str]
    """A sentence in which this is found outside the names is left alone."""
    attached: str | None
    """Label of what belongs to several values at once, such as a landmark time; it goes when they all go."""
    attached_to: re.Pattern[str]
    """Labels of those values."""

    @property
    def labelled(self) -> tuple[Family, ...]:
        """Families whose names are looked for in a sentence."""
        return tuple(family for group in self.groups for family in group if family.label)


@dataclass(frozen=True)
class _Name:
    """An occurrence of a family's name in a text."""

    start: int
    end: int
    family: Family
    is_short: bool


def read_swaps(path: Path) -> SwapTable:
    """A table from its JSON file.

    :raises DataError: it cannot be read, or is not as it should be.
    """
    try:
        table = json.loads(path.read_text("utf-8"))
        return SwapTable(
            groups=tuple(tuple(_parse_family(entry) for entry in group) for group in table["groups"]),
            unless=re.compile(table["unless"], re.IGNORECASE),
            attached=table.get("attached"),
            attached_to=re.compile(table.get("attached_to", "(?!)")),
        )
    except (OSError, ValueError, KeyError, TypeError, re.error) as exc:
        raise DataError("swap table cannot be read", str(path), f"{type(exc).__name__} {exc}") from exc


def _parse_family(entry: dict[str, Any]) -> Family:
    family = Family(entry["label"], tuple(entry["long"]), tuple(entry["short"]))
    if not family.long or not family.short:
        raise ValueError(f"family {family.label} needs long and short names")
    return family


def iter_swapped(
    sentences: Iterable[AnnotatedSentence], table: SwapTable, *, copies: int = 1, seed: int = 0
) -> Iterable[AnnotatedSentence]:
    """Up to ``copies`` counterfactuals of each sentence that allows one. Same seed, same sentences."""
    rng = random.Random(seed)
    patterns = [(_pattern(family), family) for family in table.labelled]
    for sentence in sentences:
        for _ in range(copies):
            swapped = _swap(sentence, table, patterns, rng)
            if swapped is not None:
                yield swapped


def _pattern(family: Family) -> re.Pattern[str]:
    long = "|".join(re.sub(r"(\\ |\\-)", "[ -]", re.escape(name)) for name in family.long)
    short = "|".join(re.escape(name) for name in family.short)
    return re.compile(rf"\b(?:(?i:{long})|(?P<short>{short}))\b")


def _swap(
    sentence: AnnotatedSentence,
    table: SwapTable,
    patterns: Sequence[tuple[re.Pattern[str], Family]],
    rng: random.Random,
) -> AnnotatedSentence | None:
    names = _find_names(sentence.text, patterns)
    families = {name.family for name in names}
    own = {span.label: family for span in sentence.entities if (family := _family_of(span.label, families))}
    stray = {span.label for span in sentence.entities} - set(own) - {table.attached}
    if not own or stray or table.unless.search(_without(sentence.text, names)):
        return None
    targets = _draw(sorted(families, key=lambda family: family.label or ""), table, rng)
    if all(target is family for family, target in targets.items()):
        return None
    spans = _relabel(sentence, own, targets, table)
    return None if spans is None else _rewrite(sentence, names, targets, spans, rng)


def _find_names(text: str, patterns: Sequence[tuple[re.Pattern[str], Family]]) -> list[_Name]:
    """Names in order; of two that overlap, the longer one."""
    found = [
        _Name(match.start(), match.end(), family, match["short"] is not None)
        for pattern, family in patterns
        for match in pattern.finditer(text)
    ]
    names: list[_Name] = []
    for name in sorted(found, key=lambda name: (name.start, -name.end)):
        if not names or name.start >= names[-1].end:
            names.append(name)
    return names


def _family_of(label: str, families: Iterable[Family]) -> Family | None:
    fitting = [family for family in families if label == family.label or label.startswith(f"{family.label}_")]
    return fitting[0] if fitting else None


def _without(text: str, names: Sequence[_Name]) -> str:
    for name in reversed(names):
        text = f"{text[: name.start]}#{text[name.end :]}"
    return text


def _draw(families: Sequence[Family], table: SwapTable, rng: random.Random) -> dict[Family, Family]:
    """Another family of the same group for each, no two the same."""
    targets: dict[Family, Family] = {}
    for family in families:
        group = next(group for group in table.groups if family in group)
        free = [other for other in group if other not in targets.values()]
        # Half of the draws go to names without label, of which there are many more.
        unlabelled = [other for other in free if other.label is None]
        labelled = [other for other in free if other.label is not None]
        targets[family] = rng.choice(
            unlabelled if unlabelled and (rng.random() < 0.5 or not labelled) else labelled
        )
    return targets


def _relabel(
    sentence: AnnotatedSentence, own: dict[str, Family], targets: dict[Family, Family], table: SwapTable
) -> list[Span] | None:
    """The spans that stay, with new labels; None where it cannot be told which attached ones stay."""
    values = {family for label, family in own.items() if table.attached_to.fullmatch(label)}
    staying = {family for family in values if targets[family].label}
    attached = [span for span in sentence.entities if span.label == table.attached]
    if attached and staying != values and staying and len(attached) > 1:
        return None
    spans = list(attached) if staying else []
    for span in sentence.entities:
        if span.label in own:
            family = own[span.label]
            new = targets[family].label
            if new is not None:
                spans.append(Span(span.start, span.end, new + span.label[len(family.label or "") :]))
    return sorted(spans)


def _rewrite(
    sentence: AnnotatedSentence,
    names: Sequence[_Name],
    targets: dict[Family, Family],
    spans: Sequence[Span],
    rng: random.Random,
) -> AnnotatedSentence:
    """The new text: one long and one short name a family, used throughout."""
    chosen = {
        family: (rng.choice(target.long), rng.choice(target.short)) for family, target in targets.items()
    }
    text, position = "", 0
    shifts: list[tuple[int, int]] = []
    for name in names:
        new = chosen[name.family][name.is_short]
        if not name.is_short and sentence.text[name.start].isupper():
            new = new[0].upper() + new[1:]
        text += sentence.text[position : name.start] + new
        position = name.end
        shifts.append((name.start, len(new) - (name.end - name.start)))
    text += sentence.text[position:]
    moved = []
    for span in spans:
        shift = sum(change for start, change in shifts if start < span.start)
        moved.append(Span(span.start + shift, span.end + shift, span.label))
    return AnnotatedSentence(f"{sentence.id}~", sentence.doc, text, tuple(moved))
