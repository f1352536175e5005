"""Responsible for measuring whether a model stays silent outside its field.

In a document that holds no word of the field, nothing is an entity of it, so whatever is found is false. No
annotation is needed for that. A document of another field that merely mentions this one is not looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compress.errors import DataError
from compress.gating.outside import Outside
from extract.gate import Gate
from extract.gate_audit import upper_bound
from extract.records import Citation, Mention
from extract.sentences import split_sentences
from extract.source import check_source, iter_records
from extract.tagger import Tagger

_CHUNK = 1000


@dataclass(frozen=True)
class FalseFind:
    """A sentence in which something is found that cannot be there."""

    doc: str
    text: str
    mentions: tuple[Mention, ...]
    passes_gate: bool
    """Whether a run with the gate finds it too."""


@dataclass(frozen=True)
class FalseRate:
    """How much is found that cannot be there."""

    sentences: int
    """With a false entity."""
    entities: int
    per_1000: float
    """Sentences with a false entity in 1,000 citations."""
    per_1000_at_most: float
    """One-sided 95 % bound of Clopper and Pearson, as if each stood in a citation of its own."""
    by_label: dict[str, int]
    """Entities."""


@dataclass(frozen=True)
class Silence:
    """What a model finds outside its field."""

    citations: int
    """With text."""
    outside: int
    """Of these, without any word of the field."""
    sentences: int
    """In those."""
    gate_off: FalseRate
    gate_on: FalseRate | None
    """None where the model has no gate."""
    finds: tuple[FalseFind, ...]

    def to_dict(self) -> dict[str, Any]:
        """The numbers, without the finds."""
        return {name: value for name, value in asdict(self).items() if name != "finds"}


def measure_silence(tagger: Tagger, gate: Gate | None, inputs: Sequence[Path], outside: Outside) -> Silence:
    """Tag every sentence of the citations outside the field.

    :raises SourceError: a file cannot be read. :raises DataError: no citation is outside.
    """
    n_citations = n_outside = n_sentences = 0
    finds: list[FalseFind] = []
    for chunk in _chunks(_iter_citations(inputs)):
        texts = ["\n".join([*(part.text for part in one.fields), *one.mesh]) for one in chunk]
        held = outside.hold(texts)
        others = [one for one, is_outside in zip(chunk, held, strict=True) if is_outside]
        n_citations, n_outside = n_citations + len(chunk), n_outside + len(others)
        n, found = _tag(tagger, gate, others)
        n_sentences += n
        finds += found
    if not n_outside:
        names = ", ".join(path.name for path in inputs)
        raise DataError("no citation outside the field", names, f"{n_citations} citations", "others")
    on = None if gate is None else _rate([find for find in finds if find.passes_gate], n_outside)
    return Silence(n_citations, n_outside, n_sentences, _rate(finds, n_outside), on, tuple(finds))


def _iter_citations(paths: Iterable[Path]) -> Iterator[Citation]:
    for path in paths:
        source = check_source(path)
        for piece in source.slices:
            for record in iter_records(path, source.format, piece):
                if isinstance(record, Citation) and record.fields:
                    yield record


def _chunks(citations: Iterable[Citation]) -> Iterator[list[Citation]]:
    chunk: list[Citation] = []
    for citation in citations:
        chunk.append(citation)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _tag(tagger: Tagger, gate: Gate | None, citations: Sequence[Citation]) -> tuple[int, list[FalseFind]]:
    """How many sentences there are, and those in which something is found."""
    docs: list[str] = []
    texts: list[str] = []
    passes: list[bool] = []
    for citation in citations:
        split = [(part, s) for part in citation.fields for s in split_sentences(part.text, part.sections)]
        docs += [citation.doc_id] * len(split)
        texts += [part.text[sentence.start : sentence.end] for part, sentence in split]
        passes += [True] * len(split) if gate is None else gate.keep(citation, split)
    rows = zip(docs, texts, tagger.tag(texts).mentions, passes, strict=True)
    return len(texts), [FalseFind(*row) for row in rows if row[2]]


def _rate(finds: Sequence[FalseFind], n_citations: int) -> FalseRate:
    n = min(len(finds), n_citations)
    labels = Counter(mention.label for find in finds for mention in find.mentions)
    return FalseRate(
        sentences=len(finds),
        entities=labels.total(),
        per_1000=round(len(finds) / n_citations * 1000, 2),
        per_1000_at_most=round(upper_bound(n, n_citations) * 1000, 2),
        by_label=dict(sorted(labels.items())),
    )
