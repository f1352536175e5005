"""Responsible for how far two models agree on the same sentences: by label, with bounds.

An entity counts as found by both only with exact character bounds and label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from extract.evidence import Drawn, Example, describe, example_of, fewest, parse_examples
from extract.gate_audit import upper_bound
from extract.records import Mention


@dataclass(frozen=True, slots=True)
class Votes:
    """Entities of a label."""

    both: int = 0
    only_model: int = 0
    """Found by the run's model and not by the other one."""
    only_shadow: int = 0

    def __add__(self, other: Votes) -> Votes:
        return Votes(
            self.both + other.both,
            self.only_model + other.only_model,
            self.only_shadow + other.only_shadow,
        )

    @property
    def n_entities(self) -> int:
        return self.both + self.only_model + self.only_shadow

    @property
    def agreement(self) -> float | None:
        """Share found by both of all that either found; None where neither found any."""
        return self.both / self.n_entities if self.n_entities else None

    @property
    def agreement_lower(self) -> float | None:
        """Its one-sided 95 % lower bound, as if entities were independent of each other."""
        n_apart = self.only_model + self.only_shadow
        return 1 - upper_bound(n_apart, self.n_entities) if self.n_entities else None

    def to_dict(self) -> dict[str, Any]:
        """As reports tell it."""
        return {
            "both": self.both,
            "only_model": self.only_model,
            "only_shadow": self.only_shadow,
            "agreement": _rounded(self.agreement),
            "agreement_lower": _rounded(self.agreement_lower),
        }


@dataclass(frozen=True, slots=True)
class Shadow:
    """What another model said to a sample of the sentences that a run tagged."""

    model: str
    """Variant name of the other model."""
    sha256: str
    n_sentences: int = 0
    n_same: int = 0
    """Sentences in which both found exactly the same."""
    labels: Mapping[str, Votes] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    """Some sentences in which they did not."""
    cpu_seconds: float = 0.0
    """Processor time it took, opening the other model included."""
    problem: str = ""
    """Why the sample, or a part of it, did not go through the other model."""

    @property
    def all_labels(self) -> Votes:
        return sum(self.labels.values(), Votes())

    @property
    def same_lower(self) -> float | None:
        """One-sided 95 % lower bound of the share of sentences answered alike."""
        n_apart = self.n_sentences - self.n_same
        return 1 - upper_bound(n_apart, self.n_sentences) if self.n_sentences else None

    def to_dict(self) -> dict[str, Any]:
        """As reports tell it."""
        return {
            "model": self.model,
            "model_sha256": self.sha256,
            "sentences": self.n_sentences,
            "sentences_alike": self.n_same,
            "sentences_alike_lower": _rounded(self.same_lower),
            **self.all_labels.to_dict(),
            "per_label": {label: votes.to_dict() for label, votes in self.labels.items()},
            "examples": [
                {"doc_id": example.doc_id, "sentence": example.text, "found": list(example.found)}
                for example in self.examples
            ],
            "cpu_seconds": round(self.cpu_seconds, 3),
            "problem": self.problem,
        }


Answers = tuple[Drawn, Iterable[Mention], Iterable[Mention]]
"""A sentence, what the run's model found in it, and what the other one did."""


def compare_answers(model: str, sha256: str, answers: Iterable[Answers]) -> Shadow:
    """How far two models agree.

    :param model: variant name of the other model.
    """
    labels: dict[str, Votes] = {}
    examples: list[Example] = []
    n_sentences = n_same = 0
    for drawn, mine, others in answers:
        own, other = (
            {_key(mention): mention for mention in mine},
            {_key(mention): mention for mention in others},
        )
        n_sentences += 1
        n_same += own.keys() == other.keys()
        for key in own.keys() | other.keys():
            vote = Votes(key in own and key in other, key not in other, key not in own)
            labels[key[2]] = labels.get(key[2], Votes()) + vote
        if own.keys() != other.keys():
            said = [f"only here, {describe(drawn, own[key])}" for key in sorted(own.keys() - other.keys())]
            said += [
                f"only {model}, {describe(drawn, other[key])}" for key in sorted(other.keys() - own.keys())
            ]
            examples.append(example_of(drawn, said))
    return Shadow(model, sha256, n_sentences, n_same, dict(sorted(labels.items())), fewest(examples))


def merge_shadows(one: Shadow, other: Shadow) -> Shadow:
    """Both together; of different models the later one counts alone."""
    if one.sha256 != other.sha256:
        return other
    labels = {
        label: one.labels.get(label, Votes()) + other.labels.get(label, Votes())
        for label in sorted({*one.labels, *other.labels})
    }
    return Shadow(
        one.model,
        one.sha256,
        one.n_sentences + other.n_sentences,
        one.n_same + other.n_same,
        labels,
        fewest([*one.examples, *other.examples]),
        one.cpu_seconds + other.cpu_seconds,
        one.problem or other.problem,
    )


def parse_shadow(data: Mapping[str, Any]) -> Shadow:
    """A comparison as a record holds it.

    :raises TypeError: or another error of a wrong shape, when it is none.
    """
    labels = {str(label): Votes(**votes) for label, votes in data["labels"].items()}
    return Shadow(**{**data, "labels": labels, "examples": parse_examples(data["examples"])})


def _key(mention: Mention) -> tuple[int, int, str]:
    return (mention.start, mention.end, mention.label)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
