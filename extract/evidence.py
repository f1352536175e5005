"""Responsible for what a run keeps of the sentences that it looked at only to check on itself.

Such finds never enter the tables: they are counted by label, and a few sentences are kept to be read.
The few are those with the lowest draw, so they are the same whatever the shards, workers and restarts.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from extract.records import Citation, Field, Mention, Sentence

MOST_EXAMPLES = 3
"""Sentences kept, of a shard as of a run."""
LONGEST_TEXT = 300

Draw = tuple[int, str, str, int]
"""Sorts what was drawn: its hash, then what tells equal hashes apart."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sentence of a random sample."""

    draw: int
    """Its hash, 0 to 2**32 - 1; below the sample's share of that."""
    doc_id: str
    field: str
    start: int
    """First character in the field's text."""
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence kept to be read."""

    draw: int
    doc_id: str
    field: str
    start: int
    """First character of the sentence in the field's text."""
    text: str
    """At most 300 characters of it."""
    found: tuple[str, ...]
    """What a model found: ``OS: 14.1 months``."""

    @property
    def order(self) -> Draw:
        return (self.draw, self.doc_id, self.field, self.start)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found in a sample and written nowhere else."""

    labels: Mapping[str, int] = field(default_factory=dict)
    """Entities by label."""
    examples: tuple[Example, ...] = ()


def draw_sample(citation: Citation, sentences: Sequence[tuple[Field, Sentence]], share: float) -> list[Drawn]:
    """Those sentences of a citation that belong to a random sample of about ``share`` of all sentences.

    Drawn by a hash of the citation's identity and the sentence's offsets, so it is the same sample whatever
    the workers, shards and restarts.
    """
    limit = int(share * 2**32)
    identity = f"{citation.doc_id}:{citation.pmid_version}:".encode("utf-8", "surrogatepass")
    seeds = {part.name: zlib.crc32(part.name.encode(), zlib.crc32(identity)) for part in citation.fields}
    drawn = []
    for part, sentence in sentences:
        draw = zlib.crc32(b"%d:%d" % (sentence.start, sentence.end), seeds[part.name])
        if draw < limit:
            text = part.text[sentence.start : sentence.end]
            drawn.append(Drawn(draw, citation.doc_id, part.name, sentence.start, text))
    return drawn


def example_of(drawn: Drawn, found: Iterable[str]) -> Example:
    """A drawn sentence as it is kept."""
    return Example(
        drawn.draw,
        clean_text(drawn.doc_id)[:80],
        drawn.field,
        drawn.start,
        clean_text(drawn.text)[:LONGEST_TEXT],
        tuple(clean_text(entry)[:LONGEST_TEXT] for entry in found),
    )


def describe(drawn: Drawn, mention: Mention) -> str:
    """A mention in a drawn sentence, in words."""
    return f"{mention.label}: {drawn.text[mention.start : mention.end]}"


def fewest(examples: Iterable[Example]) -> tuple[Example, ...]:
    """The few examples to keep of many."""
    return tuple(sorted(examples, key=lambda example: example.order)[:MOST_EXAMPLES])


def merge_evidence(one: Evidence, other: Evidence) -> Evidence:
    """What two samples found together."""
    counts = Counter(one.labels) + Counter(other.labels)
    return Evidence(dict(sorted(counts.items())), fewest([*one.examples, *other.examples]))


def parse_evidence(data: Mapping[str, Any]) -> Evidence:
    """Evidence as a record holds it.

    :raises TypeError: or another error of a wrong shape, when it is none.
    """
    return Evidence({str(k): int(n) for k, n in data["labels"].items()}, parse_examples(data["examples"]))


def parse_examples(data: Iterable[Mapping[str, Any]]) -> tuple[Example, ...]:
    """Examples as a record holds them."""
    return tuple(Example(**{**entry, "found": tuple(map(str, entry["found"]))}) for entry in data)


def clean_text(text: str) -> str:
    """The text without what no file or page may hold: control characters and halves of surrogate pairs."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter if letter >= " " and letter != "\x7f" else " " for letter in whole)
