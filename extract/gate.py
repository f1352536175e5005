"""Responsible for the gate: which citations and sentences can hold an entity of a bundle's labels at all.

Two levels, both literal terms that are looked for in one pass by an Aho-Corasick automaton:

1. **The citation.** A term that occurs in title, abstract or MeSH descriptor names gives its weight, once;
   the citation is in the bundle's domain where the sum reaches a threshold and, if the gate was given words
   of the domain, one of those occurs too. In doubt it is: where its text is too short to tell and it has no
   MeSH.
2. **The sentence**, in a citation of the domain: it needs a trigger (a stem anywhere, or a whole word) and a
   value (a digit, or a word that stands for one).

The terms lie in the bundle as plain data, ``gate.json``, and are made from data by ``extract models gate``,
which also measures what they lose. Letter case never matters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ahocorasick_rs import AhoCorasick, MatchKind

from extract.bundle import GATE, ModelBundle
from extract.errors import BundleError
from extract.records import Citation, Field, Sentence

FORMAT = 1
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Domain:
    """What tells a citation of the domain."""

    terms: Mapping[str, float]
    """Weight of each lower-case string, wherever it occurs."""
    threshold: float
    """The lowest sum of weights that passes."""
    shortest: int
    """Characters of title and abstract below which a citation without MeSH passes unlooked at."""
    needed: tuple[str, ...] = ()
    """Lower-case strings of which one must occur besides, anywhere; empty where none must."""
    look_alikes: tuple[str, ...] = ()
    """Longer strings that hold a needed one and do not count as it: ``tumor necrosis``."""


@dataclass(frozen=True)
class Triggers:
    """What a sentence needs to hold an entity. All strings are lower-case."""

    stems: tuple[str, ...]
    """Count anywhere, inside words too."""
    words: tuple[str, ...]
    """Count only with no letter right before or behind; those of three letters and more also with one, so
    that ``pfs`` is found in ``mPFS`` and ``PFSs``."""
    values: tuple[str, ...]
    """Words that stand for a value where there is no digit: ``reached``."""


@dataclass(frozen=True)
class GateTerms:
    """The content of ``gate.json``."""

    domain: Domain | None
    """None where every citation is of the domain."""
    triggers: Triggers | None
    """None where every sentence of such a citation passes."""
    audit_share: float
    """Share of the dropped sentences that a run tags all the same, to see what it loses; 0 to 1."""
    measured: Mapping[str, Any] = field(default_factory=dict)
    """What the gate loses and passes, on which data, as measured when it was built."""

    def to_dict(self) -> dict[str, Any]:
        """As ``gate.json`` holds it."""
        return {"format": FORMAT, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a citation."""

    in_domain: bool
    keep: tuple[bool, ...]
    """For each sentence, whether it goes to the model."""


class Gate:
    """A gate ready for use. Made by :func:`open_gate`."""

    def __init__(self, terms: GateTerms) -> None:
        self.terms = terms
        self._domain = None if terms.domain is None else _Domain(terms.domain)
        self._triggers = None if terms.triggers is None else _Triggers(terms.triggers)

    @property
    def audit_share(self) -> float:
        """Share of the dropped sentences to tag all the same."""
        return self.terms.audit_share

    def judge(self, citation: Citation, sentences: Sequence[tuple[Field, Sentence]]) -> Verdict:
        """Whether a citation is of the domain, and which of its sentences go to the model."""
        if not self.admits(citation):
            return Verdict(False, (False,) * len(sentences))
        return Verdict(True, tuple(self.passes(part.text[s.start : s.end]) for part, s in sentences))

    def admits(self, citation: Citation) -> bool:
        """Whether a citation is of the domain: all that its MeSH headings decide."""
        return self._domain is None or self._domain.holds(citation)

    def keep(self, citation: Citation, sentences: Sequence[tuple[Field, Sentence]]) -> Sequence[bool]:
        """For each sentence of a citation, whether it goes to the model."""
        return self.judge(citation, sentences).keep

    def holds_text(self, text: str) -> bool:
        """Whether a text is of the domain, taken as title, abstract and MeSH of a citation."""
        return self._domain is None or self._domain.score(text) >= self._domain.threshold

    def passes(self, sentence: str) -> bool:
        """Whether a sentence of a citation of the domain can hold an entity."""
        return self._triggers is None or self._triggers.hold(sentence)


class _Domain:
    """The first level."""

    def __init__(self, domain: Domain) -> None:
        self._weights = domain.terms
        self.threshold = domain.threshold
        self._shortest = domain.shortest
        self._automaton = AhoCorasick(list(domain.terms))
        self._n_needed = len(domain.needed)
        self._needed = AhoCorasick([*domain.needed, *domain.look_alikes], matchkind=MatchKind.LeftmostLongest)

    def holds(self, citation: Citation) -> bool:
        texts = [part.text for part in citation.fields]
        if not citation.mesh and sum(map(len, texts)) < self._shortest:
            return True
        return self.score("\n".join([*texts, *citation.mesh])) >= self.threshold

    def lacks_needed(self, lower: str) -> bool:
        """Whether a lower-case text has none of the needed words."""
        if not self._n_needed:
            return False
        return all(index >= self._n_needed for index, _, _ in self._needed.find_matches_as_indexes(lower))

    def score(self, text: str) -> float:
        """Sum of the weights of the terms in a text; 0 where it has none of the needed words."""
        lower = text.lower()
        try:
            if self.lacks_needed(lower):
                return 0.0
            found = set(self._automaton.find_matches_as_strings(lower, overlapping=True))
        except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell: pass what cannot be read
            return self.threshold
        return sum(map(self._weights.__getitem__, found))


class _Triggers:
    """The second level."""

    def __init__(self, triggers: Triggers) -> None:
        self._n_stems = len(triggers.stems)
        self._slack = [0] * self._n_stems + [int(len(word) > 2) for word in triggers.words]
        self._triggers = AhoCorasick([*triggers.stems, *triggers.words])
        self._values = AhoCorasick(list(triggers.values))

    def hold(self, sentence: str) -> bool:
        lower = sentence.lower()
        try:
            return self._has_value(lower) and self._has_trigger(lower)
        except UnicodeEncodeError:  # as above
            return True

    def _has_value(self, lower: str) -> bool:
        if _DIGIT.search(lower):
            return True
        return any(
            _is_word(lower, start, end)
            for _, start, end in self._values.find_matches_as_indexes(lower, overlapping=True)
        )

    def _has_trigger(self, lower: str) -> bool:
        found = self._triggers.find_matches_as_indexes(lower, overlapping=True)
        return any(
            index < self._n_stems or _is_word(lower, start, end, slack=self._slack[index])
            for index, start, end in found
        )


def _is_word(text: str, start: int, end: int, *, slack: int = 0) -> bool:
    """Whether at most ``slack`` letters stand right before, and as many behind."""
    before = text[max(start - 1 - slack, 0) : start]
    behind = text[end : end + 1 + slack]
    return not (len(before) > slack and before.isalpha()) and not (len(behind) > slack and behind.isalpha())


def domain_scores(domain: Domain, texts: Iterable[str]) -> list[float]:
    """What each text scores, as a citation whose fields and MeSH it is; for measuring."""
    level = _Domain(domain)
    return [level.score(text) for text in texts]


def lacks_needed(domain: Domain, texts: Iterable[str]) -> list[bool]:
    """Whether each text has none of the needed words of a domain that needs any."""
    level = _Domain(domain)
    return [level.lacks_needed(text.lower()) for text in texts]


def open_gate(bundle: ModelBundle) -> Gate | None:
    """The gate of a bundle; None where it has none.

    :raises BundleError: when ``gate.json`` cannot be read as one.
    """
    if not bundle.has_gate:
        return None
    path = bundle.path / GATE
    try:
        return Gate(parse_gate(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
        got = f"{type(exc).__name__} {exc}"
        raise BundleError(
            "malformed gate", str(path), got, f"format {FORMAT}", "build it again with `extract models gate`"
        ) from exc


def parse_gate(data: Mapping[str, Any]) -> GateTerms:
    """The content of ``gate.json``.

    :raises ValueError: or another error of a wrong shape, when it is none.
    """
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']!r}")
    share = float(data["audit_share"])
    if not 0 <= share <= 1:
        raise ValueError(f"audit_share {share}")
    return GateTerms(
        domain=data["domain"] and _parse_domain(data["domain"]),
        triggers=data["triggers"] and Triggers(**{k: _parse_terms(v) for k, v in data["triggers"].items()}),
        audit_share=share,
        measured=dict(data["measured"]),
    )


def _parse_domain(data: Mapping[str, Any]) -> Domain:
    terms = {term: float(weight) for term, weight in data["terms"].items()}
    return Domain(
        dict(zip(_parse_terms(terms), terms.values(), strict=True)),
        float(data["threshold"]),
        int(data["shortest"]),
        _parse_terms(data.get("needed", ())),
        _parse_terms(data.get("look_alikes", ())),
    )


def _parse_terms(terms: Iterable[str]) -> tuple[str, ...]:
    parsed = tuple(terms)
    # An empty term would occur everywhere, one with a capital nowhere.
    if wrong := [term for term in parsed if not term or term != term.lower()]:
        raise ValueError(f"term {wrong[0]!r}")
    return parsed
