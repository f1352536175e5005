"""Responsible for a bundle's rules: by label, what a mention of it looks like, as the annotations have it.

They are data of the bundle (``reading.rules`` in ``model.json``), written when it is built
(:mod:`compress.building.rules`) or by hand; a bundle without them has its mentions taken as the model gives
them.
What they do stands in :mod:`extract.correction`.

::

    {"whole_words": true,
     "labels": {"OS": {"never_begins": "(<~", "never_ends": ").,;", "units": [" months", "%"], ...}}}

All keys may be left out. Letter case never matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class LabelRules:
    """What mentions of one label look like. The defaults ask for nothing."""

    never_begins: str = ""
    """Characters that a mention never begins with; they are cut off."""
    never_ends: str = ""
    """Characters that a mention never ends with; they are cut off."""
    units: tuple[str, ...] = ()
    """What directly follows a mention's number and belongs to it, with what stands between: ``" months"``,
    ``"%"``, ``"-year"``. A mention that ends before it is extended."""
    unit_follows: bool = False
    """Whether a mention without unit is left out where no unit of ``units`` follows in the sentence, as one
    does in "20.3 vs. 15.6 months"."""
    needs_value: bool = False
    """Whether a mention that states no value (a number, or that there is none yet: :mod:`extract.quantities`)
    is left out, unless it is a phrase."""
    one_number: bool = False
    """Whether a mention that holds several numbers is left out."""
    phrases: tuple[str, ...] = ()
    """Mentions without a number, whole: ``not reached``. A mention that holds a part of one becomes it."""
    never_after: tuple[str, ...] = ()
    """Signs and words that never stand right before a mention; one behind them is left out."""
    only_with: tuple[tuple[str, ...], ...] = ()
    """Groups of labels; a mention is left out where its sentence has no mention of one of them."""
    only_with_words: tuple[str, ...] = ()
    """Words and signs; a mention is left out where its sentence has none of them: brackets behind a value are
    a confidence interval only where the sentence speaks of one."""
    never_with_words: tuple[str, ...] = ()
    """Words and signs; a mention is left out where its sentence has one of them: what a trial has power to
    detect is no result."""
    min_score: float | None = None
    """A mention of a lower score is left out, 0 to 1; None: the bundle's own ``min_score`` holds."""


@dataclass(frozen=True, slots=True)
class MentionRules:
    """The rules of a bundle."""

    whole_words: bool = False
    """Whether letters and digits that stand together stay in one mention or outside of all."""
    labels: Mapping[str, LabelRules] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As written; what asks for nothing is left out."""
        labels = {label: _label_to_dict(rules) for label, rules in sorted(self.labels.items())}
        return {"whole_words": self.whole_words, "labels": labels}


NO_RULES = MentionRules()


def parse_rules(data: Mapping[str, Any]) -> MentionRules:
    """Rules as read.

    :raises ValueError, TypeError: a key is unknown, or a value of another kind.
    """
    if unknown := data.keys() - {"whole_words", "labels"}:
        raise ValueError(f"unknown rules {sorted(unknown)}")
    labels = data.get("labels", {})
    whole_words = _checked("whole_words", data.get("whole_words", False), bool)
    return MentionRules(whole_words, {str(label): _parse_label(rules) for label, rules in labels.items()})


def _parse_label(data: Mapping[str, Any]) -> LabelRules:
    known = {entry.name for entry in fields(LabelRules)}
    if unknown := data.keys() - known:
        raise ValueError(f"unknown rules {sorted(unknown)}")
    return LabelRules(**{name: _PARSERS[name](name, value) for name, value in data.items()})


def _checked(name: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{name} {value!r} is no {kind.__name__}")
    return value


def _text(name: str, value: Any) -> str:
    return str(_checked(name, value, str))


def _flag(name: str, value: Any) -> bool:
    return bool(_checked(name, value, bool))


def _texts(name: str, value: Any) -> tuple[str, ...]:
    """Strings that match something: an empty one would match everywhere."""
    texts = tuple(_text(name, item) for item in _checked(name, value, list))
    if not all(text.strip() for text in texts):
        raise ValueError(f"{name} holds an empty string")
    return texts


def _groups(name: str, value: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(_texts(name, group) for group in _checked(name, value, list))


def _score(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} {value!r} is no number from 0 to 1")
    return float(value)


_PARSERS: dict[str, Callable[[str, Any], Any]] = {
    "never_begins": _text,
    "never_ends": _text,
    "units": _texts,
    "unit_follows": _flag,
    "needs_value": _flag,
    "one_number": _flag,
    "phrases": _texts,
    "never_after": _texts,
    "only_with": _groups,
    "only_with_words": _texts,
    "never_with_words": _texts,
    "min_score": _score,
}


def _label_to_dict(rules: LabelRules) -> dict[str, Any]:
    written = {}
    for entry in fields(LabelRules):
        value = getattr(rules, entry.name)
        if value != entry.default:
            written[entry.name] = _as_json(value)
    return written


def _as_json(value: Any) -> Any:
    return [_as_json(item) for item in value] if isinstance(value, tuple) else value
