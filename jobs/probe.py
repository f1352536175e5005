"""Responsible for looking at a piece of input on a worker: how long its texts are, what the gate costs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

from extract.fetch import at_hand
from extract.records import Citation, Field, Sentence
from extract.sentences import split_sentences
from extract.source import iter_records
from jobs.model import ModelSource, require_model
from jobs.process import StageClock
from jobs.sample import Piece


@dataclass(frozen=True, slots=True)
class ProbeTask:
    """A piece to look at."""

    piece: Piece
    model: ModelSource
    gate: bool


@dataclass(frozen=True)
class Lengths:
    """What decides the cost of a piece."""

    sentences_per_citation: tuple[int, ...]
    """Of every citation."""
    tokens_per_sentence: tuple[int, ...]
    """Of every sentence that goes to the model, special tokens left out."""
    split_seconds: float
    gate_seconds: float
    """CPU time; a shard counts both as one stage."""


def probe_piece(task: ProbeTask) -> Lengths:
    """Read, split, gate and tag a piece, and write nothing. Runs on the cluster."""
    model = require_model(task.model)
    source = task.piece.source
    with at_hand(task.piece.path, sha256=source.sha256) as path:
        records = list(iter_records(path, source.format, task.piece.piece))
    citations = [record for record in records if isinstance(record, Citation)]
    clock = StageClock()
    split = [_split(citation) for citation in citations]
    clock.note("split")
    kept = split
    if task.gate and model.gate is not None:
        keep = [model.gate.keep(citation, mine) for citation, mine in zip(citations, split, strict=True)]
        kept = [list(compress(mine, wanted)) for mine, wanted in zip(split, keep, strict=True)]
    clock.note("gate")
    tagged = model.tagger.tag([field.text[s.start : s.end] for mine in kept for field, s in mine])
    return Lengths(
        sentences_per_citation=tuple(map(len, split)),
        tokens_per_sentence=tuple(map(int, tagged.n_tokens)),
        split_seconds=clock.seconds["split"],
        gate_seconds=clock.seconds["gate"],
    )


def _split(citation: Citation) -> list[tuple[Field, Sentence]]:
    return [
        (field, sentence)
        for field in citation.fields
        for sentence in split_sentences(field.text, field.sections)
    ]
