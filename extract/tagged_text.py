"""Responsible for tagging one text from end to end: sentences, mentions, and what they say together.

A job does the same in bulk, citation by citation; this is for one text at a time, from Python or a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from extract.bundle import open_bundle
from extract.endpoints import EndpointRecord, join_records
from extract.records import Mention, Section, Sentence
from extract.registry import DEFAULT_MODEL, find_bundle
from extract.sentences import split_sentences
from extract.tagger import Tagger, open_tagger


@dataclass(frozen=True)
class TaggedText:
    """A text with what a model found in it."""

    text: str
    model: str
    """Variant name."""
    sentences: tuple[Sentence, ...]
    """In order, without overlap."""
    mentions: tuple[Mention, ...]
    """In order; offsets are half-open characters of the text, which ``text[start:end]`` shows."""

    def iter_endpoints(self) -> Iterator[tuple[Sentence, EndpointRecord]]:
        """The mentions of each sentence joined into facts; offsets of a record count from its sentence."""
        for sentence in self.sentences:
            mine = [
                Mention(found.start - sentence.start, found.end - sentence.start, found.label, found.score)
                for found in self.mentions
                if sentence.start <= found.start < sentence.end
            ]
            if mine:
                for record in join_records(self.text[sentence.start : sentence.end], mine):
                    yield sentence, record

    def to_dict(self) -> dict[str, Any]:
        """What ``extract tag --json`` prints; ``endpoints`` have the columns of the table of that name."""
        from extract.endpoint_table import to_row

        return {
            "model": self.model,
            "text": self.text,
            "entities": [
                {
                    "start": found.start,
                    "end": found.end,
                    "text": self.text[found.start : found.end],
                    "label": found.label,
                    "score": round(found.score, 4),
                }
                for found in self.mentions
            ],
            "endpoints": [
                to_row(record, self.text[sentence.start : sentence.end], sentence.start)
                for sentence, record in self.iter_endpoints()
            ],
        }


def tag_text(tagger: Tagger, text: str) -> TaggedText:
    """Split a text into sentences and tag each, as a job does with an abstract; no gate is asked.

    :raises TaggingError: when the model cannot be run on it.
    """
    sentences = tuple(split_sentences(text, [Section("text", 0, len(text))]))
    tagged = tagger.tag([text[sentence.start : sentence.end] for sentence in sentences])
    mentions = tuple(
        Mention(sentence.start + found.start, sentence.start + found.end, found.label, found.score)
        for sentence, row in zip(sentences, tagged.mentions, strict=True)
        for found in row
    )
    return TaggedText(text, tagger.bundle.name, sentences, mentions)


def load_tagger(model: str = DEFAULT_MODEL) -> Tagger:
    """A model ready to tag, every file of it checked against its hash and its golden probe answered.

    :param model: a variant name that comes with the package, or a bundle's folder.
    :raises BundleError: when there is none, or it is damaged.
    """
    return open_tagger(open_bundle(find_bundle(model)))
