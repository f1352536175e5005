"""Responsible for which documents lie outside a field: those that hold none of the words of a list.

The list is data, the same that a gate is given (:mod:`compress.gating.words`): every set of labels has a
field of its own, and nothing of the field but its words is known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compress.errors import DataError
from compress.gating.words import GateWords, read_words
from extract.gate import Domain, Gate, GateTerms, Triggers, lacks_needed


@dataclass(frozen=True)
class Outside:
    """What tells a document outside the field, and the sentences in it that look like the field's."""

    words: GateWords
    """``domain`` must not be empty."""

    def hold(self, texts: Sequence[str]) -> list[bool]:
        """Whether each text has none of the field's words; title, abstract and MeSH names for a citation."""
        # The domain's terms are weighed by nobody here; one that occurs nowhere keeps the automaton whole.
        domain = Domain({"\0": 1.0}, 1.0, 0, self.words.domain, self.words.look_alikes)
        return lacks_needed(domain, texts)

    def look_alikes(self) -> Gate:
        """Passes sentences with a digit and one of the words that entities stand beside."""
        triggers = Triggers(self.words.stems, (*self.words.words, "\0"), ("\0",))
        return Gate(GateTerms(None, triggers, audit_share=0.0))


def read_outside(path: Path) -> Outside:
    """What lies outside, from a file of words.

    :raises CompressError: it is no such file. :raises DataError: it has no word of the field.
    """
    words = read_words(path)
    if not words.domain:
        raise DataError(
            "no field to be outside of", str(path), "no domain word", "a list named domain in the file"
        )
    return Outside(words)
