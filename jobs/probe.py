"""Responsible for measuring on a worker what a slice costs, by the code that a run uses, stage by stage."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from extract.records import Citation, Field, Sentence
from extract.sentences import split_sentences
from extract.source import iter_records
from jobs.durable import make_folder
from jobs.layout import make_output, staging_folder
from jobs.model import LoadedModel, ModelSource, require_model
from jobs.process import StageClock
from jobs.sample import SampleSlice
from jobs.shard import ShardTask, run_shard

RUN_ID = "plan"
STAGES = ("read", "split", "gate", "tag", "write")


@dataclass(frozen=True, slots=True)
class ProbeTask:
    """A slice to measure, and where to write what comes of it."""

    sample: SampleSlice
    model: ModelSource
    gate: bool
    root: Path
    """A folder for this measurement alone."""
    by_stage: bool
    """Whether to look at the stages too; that takes twice the time."""


@dataclass(frozen=True)
class Stages:
    """What the stages cost, and the lengths that decide it."""

    seconds: dict[str, float]
    """CPU time of each of the :data:`STAGES`."""
    sentences_per_citation: tuple[int, ...]
    """Of every citation."""
    tokens_per_sentence: tuple[int, ...]
    """Of every sentence that went to the model, special tokens left out."""


@dataclass(frozen=True)
class Probe:
    """What a slice cost on one worker while the others were busy too."""

    n_citations: int
    n_tokens: int
    n_gated_out: int
    cpu_seconds: float
    """Of the whole shard, as a run would do it. Processor time: what else runs here while a plan is made does
    not count, while cores that slow each other down do."""
    open_seconds: float
    """Wall time to open the model; about 0 where it was open."""
    stages: Stages | None


def probe_slice(task: ProbeTask) -> Probe:
    """Run a slice as a shard, where asked for after its stages one by one. Runs on the cluster."""
    started = time.monotonic()
    model = require_model(task.model)
    open_seconds = time.monotonic() - started
    stages = _probe_stages(task, model) if task.by_stage else None
    receipt = run_shard(_shard_task(task))
    if stages is not None:
        stages.seconds["write"] = max(0.0, receipt.cpu_seconds - sum(stages.seconds.values()))
    return Probe(
        n_citations=receipt.n_citations,
        n_tokens=receipt.n_tokens,
        n_gated_out=receipt.n_gated_out,
        cpu_seconds=receipt.cpu_seconds,
        open_seconds=open_seconds,
        stages=stages,
    )


def _probe_stages(task: ProbeTask, model: LoadedModel) -> Stages:
    """All stages but the last, which is what a whole shard takes beyond them."""
    sample, clock = task.sample, StageClock()
    records = list(iter_records(sample.path, sample.source.format, sample.piece))
    clock.note("read")
    citations = [record for record in records if isinstance(record, Citation)]
    split = [_split(citation) for citation in citations]
    clock.note("split")
    kept = split
    if task.gate and model.gate is not None:
        keep = [model.gate.keep(citation, mine) for citation, mine in zip(citations, split, strict=True)]
        kept = [list(compress(mine, wanted)) for mine, wanted in zip(split, keep, strict=True)]
    clock.note("gate")
    tagged = model.tagger.tag([field.text[s.start : s.end] for mine in kept for field, s in mine])
    clock.note("tag")
    return Stages(clock.seconds, tuple(map(len, split)), tuple(map(int, tagged.n_tokens)))


def _split(citation: Citation) -> list[tuple[Field, Sentence]]:
    return [
        (field, sentence)
        for field in citation.fields
        for sentence in split_sentences(field.text, field.sections)
    ]


def _shard_task(task: ProbeTask) -> ShardTask:
    make_output(task.root)
    make_folder(staging_folder(task.root, RUN_ID), 0o700)
    sample = task.sample
    state = sample.path.stat()
    return ShardTask(
        shard=uuid.uuid4().hex,
        run_id=RUN_ID,
        root=task.root,
        path=sample.path,
        source=sample.path.name,
        format=sample.source.format,
        n_bytes=state.st_size,
        mtime_ns=state.st_mtime_ns,
        piece=sample.piece,
        model=task.model,
        gate=task.gate,
    )
