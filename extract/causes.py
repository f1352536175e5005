"""Responsible for why a model got something wrong: causes told by the words around it.

The causes and their words are data of the field (``examples/endpoints/causes.json``), not of the library: a
list of rules, of which the first that fits names the cause. They are a reader's first guess at hundreds of
errors, not a verdict on one. A rule fits where all that it states holds::

    {"cause": "difference", "kinds": ["spurious"], "after": "^-?(months?)? (improvement|gain)"}

``kinds``
    how it is wrong, of :data:`extract.mistakes.KINDS`.
``labels``
    the annotated or the found label; a regular expression for all of it.
``value``, ``before``, ``after``, ``sentence``
    regular expressions searched for in the words themselves, in so many characters (``within``, 80 unless
    told) before or behind them, and in the whole sentence. Letter case never matters.
``least_score``
    the score that the find has at least.
``in_list``
    whether the sentence has another annotated entity of the label.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from extract.errors import AnnotationError
from extract.mistakes import KINDS, Mistake

OTHER = "other"
"""The cause where no rule fits."""

_PATTERNS = ("labels", "value", "before", "after", "sentence")


@dataclass(frozen=True)
class CauseRule:
    """When a mistake has a cause."""

    cause: str
    kinds: frozenset[str] = frozenset(KINDS)
    patterns: Mapping[str, re.Pattern[str]] | None = None
    """By where they are looked for."""
    within: int = 80
    """Characters before and behind that count as near."""
    least_score: float = 0.0
    in_list: bool | None = None

    def fits(self, mistake: Mistake) -> bool:
        """Whether all that the rule states holds."""
        if mistake.kind not in self.kinds or mistake.score < self.least_score:
            return False
        if self.in_list is not None and self.in_list != _is_in_list(mistake):
            return False
        return all(self._finds(name, pattern, mistake) for name, pattern in (self.patterns or {}).items())

    def _finds(self, name: str, pattern: re.Pattern[str], mistake: Mistake) -> bool:
        text, span = mistake.sentence.text, mistake.span
        if name == "labels":
            return any(pattern.fullmatch(label) for label in mistake.labels)
        looked_at = {
            "value": text[span.start : span.end],
            "before": text[max(0, span.start - self.within) : span.start],
            "after": text[span.end : span.end + self.within],
            "sentence": text,
        }
        return pattern.search(looked_at[name]) is not None


def read_causes(path: Path) -> list[CauseRule]:
    """The rules of a file, in order.

    :raises AnnotationError: when it is no such file.
    """
    try:
        return [_parse(row) for row in json.loads(path.read_text(encoding="utf-8"))["causes"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, re.error) as exc:
        raise AnnotationError(
            "causes cannot be read", str(path), str(exc), "JSON with causes, a list of rules"
        ) from exc


def name_causes(mistakes: Iterable[Mistake], rules: Sequence[CauseRule]) -> list[Mistake]:
    """The mistakes with their causes."""
    return [
        replace(mistake, cause=next((rule.cause for rule in rules if rule.fits(mistake)), OTHER))
        for mistake in mistakes
    ]


def count_by_label(mistakes: Iterable[Mistake]) -> dict[str, dict[str, int]]:
    """How many mistakes of each cause, by label (the annotated one, of spurious finds the found one).

    Causes come with the most frequent first, labels in their order.
    """
    counts = Counter((mistake.cause, mistake.span.label) for mistake in mistakes)
    totals: Counter[str] = Counter()
    for (cause, _), count in counts.items():
        totals[cause] += count
    ordered = sorted(totals, key=lambda cause: (-totals[cause], cause))
    return {
        cause: {label: counts[key] for key in sorted(counts) if key[0] == cause for label in key[1:]}
        for cause in ordered
    }


def _is_in_list(mistake: Mistake) -> bool:
    return any(
        span.label == mistake.span.label and (span.start, span.end) != (mistake.span.start, mistake.span.end)
        for span in mistake.sentence.entities
    )


def _parse(row: Mapping[str, Any]) -> CauseRule:
    known = {"cause", "kinds", "within", "least_score", "in_list", *_PATTERNS}
    if unknown := row.keys() - known:
        raise ValueError(f"unknown {sorted(unknown)}")
    kinds = frozenset(row.get("kinds", KINDS))
    if wrong := kinds - set(KINDS):
        raise ValueError(f"unknown kinds {sorted(wrong)}")
    return CauseRule(
        cause=str(row["cause"]),
        kinds=kinds,
        patterns={name: re.compile(row[name], re.IGNORECASE) for name in _PATTERNS if name in row},
        within=int(row.get("within", 80)),
        least_score=float(row.get("least_score", 0.0)),
        in_list=row.get("in_list"),
    )
