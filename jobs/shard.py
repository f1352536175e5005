"""Responsible for one shard: read, split, gate, tag, write. The function that the cluster runs."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from extract import reasons
from extract.commits import DataFile
from extract.endpoint_table import endpoint_table
from extract.errors import OutputError, SourceError
from extract.fetch import at_hand
from extract.gate_audit import WRITTEN
from extract.place import Place
from extract.records import Citation, Deletion, Field, Mention, Rejected, Sentence
from extract.remote import Location, state_of
from extract.sentences import split_sentences
from extract.slices import Slice
from extract.source import iter_records
from jobs.audit import GateAudit
from jobs.carry import carry_entities, open_index
from jobs.faults import fault_point
from jobs.model import SHADOW_SHARE, Gate, LoadedModel, ModelSource, SentenceTagger, require_model
from jobs.process import StageClock, cpu_class, peak_rss_bytes, private_bytes, process_name
from jobs.receipt import Receipt
from jobs.rows import (
    CitationRow,
    EntityColumns,
    Found,
    Origin,
    citation_table,
    deletion_table,
    row_of,
    row_of_rejected,
)
from jobs.shadow import ShadowSample
from jobs.staging import stage_table
from jobs.versions import Versions, require_versions


@dataclass(frozen=True, slots=True)
class ShardTask:
    """All that a worker needs to know of a shard: paths and small values."""

    shard: str
    run_id: str
    root: Place
    """The output, as every worker sees it."""
    path: Location
    """The source file, as every worker sees it."""
    source: str
    """Name of the source file, or its URL, as rows have it."""
    format: str
    n_bytes: int
    mark: str
    """What changes with the content of a file of a file system."""
    source_sha256: str
    """What is read of a file behind a URL has this hash."""
    piece: Slice
    model: ModelSource
    gate: bool
    versions: Versions = ()
    """What the driver runs on; a worker with other versions refuses. Empty where there is no driver."""
    skip: tuple[tuple[int, str], ...] = ()
    """Records to quarantine unread by the model: position and reason."""
    only: tuple[int, int] | None = None
    """Half-open range of positions: only look whether these can be processed, write nothing."""
    carry: Path | None = None
    """Folder of the index of contents that need not be tagged again, as every worker sees it."""
    chunk: int | None = None
    """Citations that go to the model at once; None for all. Decides memory and speed, never the answer."""
    shadow: ModelSource | None = None
    """A model that a sample of the tagged sentences goes through too; what it says is only counted."""
    shadow_share: float = SHADOW_SHARE


@dataclass(slots=True)
class Prepared:
    """A citation whose sentences are ready for the model."""

    citation: Citation
    row: CitationRow
    sentences: list[tuple[Field, Sentence]]


Unread = tuple[Citation, CitationRow]
"""A citation with text, and its row so far."""


@dataclass
class ShardRows:
    """Everything a shard writes, while it grows."""

    rows: list[CitationRow] = field(default_factory=list)
    carried: pa.Table | None = None
    """Entities of citations whose text was tagged before."""
    n_carried: int = 0
    entities: EntityColumns = field(default_factory=EntityColumns)
    deletions: list[Deletion] = field(default_factory=list)
    audit: GateAudit = field(default_factory=GateAudit)
    shadow: ShadowSample = field(default_factory=lambda: ShadowSample(None, 0.0))
    computed: Counter[str] = field(default_factory=Counter)
    """What the model did: :data:`extract.commits.CommitRecord.computed`."""


def run_shard(task: ShardTask) -> Receipt:
    """Process a shard and stage its files; the driver publishes them.

    :raises SourceError: when the file is not the one that was checked.
    :raises BundleError: when the model cannot be used in this process.
    :raises OutputBroken: when its files cannot be written.
    """
    started, cpu_started = time.monotonic(), time.process_time()
    fault_point("shard.start", task.shard)
    clock = StageClock()
    require_versions(task.versions)
    model = require_model(task.model)
    clock.note("open")
    found = ShardRows(shadow=ShadowSample(task.shadow, task.shadow_share))
    gate = model.gate if task.gate else None
    unread = _read_records(task, found, gate)
    clock.note("read")
    todo = _carry_over(task, unread, found)
    prepared = [ready for entry in todo for ready in _prepare(*entry, gate, found.audit)]
    clock.note("split")
    fault_point("shard.read", task.shard)
    chunk = task.chunk or len(prepared) or 1
    for start in range(0, len(prepared), chunk):
        _tag(model.tagger, prepared[start : start + chunk], found)
    clock.note("tag")
    found.audit.tag(model.tagger)
    shadow = found.shadow.compare()
    clock.note("check")
    fault_point("shard.tagged", task.shard)
    attempt = uuid.uuid4().hex
    tables = _tables(task, found)
    files = () if task.only else _stage(task, tables, attempt)
    clock.note("write")
    fault_point("shard.staged", task.shard)
    return Receipt(
        shard=task.shard,
        attempt=attempt,
        files=files,
        fates=dict(Counter(row.fate for row in found.rows)),
        n_deletions=len(found.deletions),
        n_sentences=sum(row.n_sentences for row in found.rows),
        n_gated_out=sum(row.n_gated_out for row in found.rows),
        n_tokens=sum(row.n_tokens for row in found.rows),
        n_entities=tables["entities"].num_rows,
        n_carried=found.n_carried,
        cpu_seconds=time.process_time() - cpu_started,
        wall_seconds=time.monotonic() - started,
        peak_rss_bytes=peak_rss_bytes(),
        worker=process_name(),
        cpu=cpu_class(),
        stage_seconds=clock.seconds,
        audit={**found.audit.counts, WRITTEN: len(found.entities)},
        evidence=found.audit.evidence,
        shadow=shadow,
        computed=dict(found.computed),
        process=_process(model),
        note=model.note,
    )


def _process(model: LoadedModel) -> dict[str, float]:
    memory = private_bytes()
    told = {"model_seconds": round(model.open_seconds, 4), "shares_weights": int(model.shares_weights)}
    return told if memory is None else {**told, "private_bytes": memory}


def _read_records(task: ShardTask, found: ShardRows, gate: Gate | None) -> list[Unread]:
    """Give every record of the slice its row; those with text that is not to be skipped come back."""
    skip = dict(task.skip)
    unread: list[Unread] = []
    for record in _iter_unchanged(task):
        if isinstance(record, Deletion):
            found.deletions.append(record)
        elif isinstance(record, Rejected):
            found.rows.append(row_of_rejected(record))
        elif not task.only or task.only[0] <= record.position < task.only[1]:
            row = row_of(record, admitted=None if gate is None else gate.admits(record))
            found.rows.append(row)
            if record.position in skip:
                row.fate, row.reason = "quarantined", skip[record.position]
            elif record.fields:
                row.fate = "no_entities"
                unread.append((record, row))
    return unread


def _iter_unchanged(task: ShardTask) -> Iterator[Citation | Deletion | Rejected]:
    """The records of the slice, provided the file is still the one that was checked."""
    if isinstance(task.path, Path):
        there = task.path.exists()
        if not there or state_of(task.path) != (task.n_bytes, task.mark):
            raise SourceError(
                reasons.RECORD_COUNT,
                str(task.path),
                "a file changed since it was checked",
                advice="run again",
            )
    with at_hand(task.path, sha256=task.source_sha256) as path:
        yield from iter_records(path, task.format, task.piece)


def _carry_over(task: ShardTask, unread: list[Unread], found: ShardRows) -> list[Unread]:
    """Take the answers for contents that are known; what is left comes back.

    When the rows behind an answer cannot be read, everything is tagged anew: slower, never wrong.
    """
    if task.carry is None or not unread:
        return unread
    index = open_index(task.carry)
    entries = index.find([row.content_key or b"" for _, row in unread]).tolist()
    hits = [(row, entry) for (_, row), entry in zip(unread, entries, strict=True) if entry >= 0]
    try:
        found.carried = carry_entities(task.root, index, hits, _origin(task))
    except OutputError:
        return unread
    for row, entry in hits:
        place = index.places[entry]
        row.n_sentences, row.n_gated_out = int(place["n_sentences"]), int(place["n_gated_out"])
        row.n_tokens, row.n_entities = int(place["n_tokens"]), int(place["n_entities"])
        row.fate = "extracted" if row.n_entities else "no_entities"
    found.n_carried = len(hits)
    return [entry for entry, known in zip(unread, entries, strict=True) if known < 0]


def _prepare(citation: Citation, row: CitationRow, gate: Gate | None, audit: GateAudit) -> Iterator[Prepared]:
    """Split a citation into sentences and gate them."""
    try:
        fault_point("record.split", citation.doc_id)
        sentences = [
            (part, sentence)
            for part in citation.fields
            for sentence in split_sentences(part.text, part.sections)
        ]
        kept = sentences
        if gate is not None:
            verdict = gate.judge(citation, sentences)
            kept = [sentence for sentence, wanted in zip(sentences, verdict.keep, strict=True) if wanted]
            audit.note(citation, sentences, verdict, gate.audit_share)
    except Exception as error:  # one bad record costs one record, whatever is wrong with it
        _quarantine(row, error)
        return
    row.n_sentences, row.n_gated_out = len(sentences), len(sentences) - len(kept)
    if kept:
        yield Prepared(citation, row, kept)


def _quarantine(row: CitationRow, error: Exception) -> None:
    if isinstance(error, MemoryError):
        raise error
    row.fate, row.reason = "quarantined", f"{type(error).__name__}: {error}"[:500]
    row.n_tokens = row.n_entities = 0


def _tag(tagger: SentenceTagger, prepared: Sequence[Prepared], found: ShardRows) -> None:
    """Run the model over all sentences at once; on failure over halves, down to the citation that fails."""
    if not prepared:
        return
    texts = [part.text[s.start : s.end] for entry in prepared for part, s in entry.sentences]
    try:
        tagged = tagger.tag(texts)
    except Exception as error:  # told apart below: one bad record costs one record
        if len(prepared) == 1:
            _quarantine(prepared[0].row, error)
            return
        half = len(prepared) // 2
        _tag(tagger, prepared[:half], found)
        _tag(tagger, prepared[half:], found)
        return
    found.computed.update(
        sentences=len(texts),
        tokens=int(tagged.n_tokens.sum()),
        computed=tagged.n_computed,
        padding=tagged.n_padding,
    )
    ends = np.cumsum([len(entry.sentences) for entry in prepared])
    for entry, end, tokens in zip(prepared, ends.tolist(), np.split(tagged.n_tokens, ends[:-1]), strict=True):
        entry.row.n_tokens = int(tokens.sum())
        mentions = tagged.mentions[end - len(entry.sentences) : end]
        found.shadow.note(entry.citation, entry.sentences, mentions)
        if any(mentions):
            _add_entities(entry, mentions, found)


def _add_entities(entry: Prepared, mentions: Sequence[tuple[Mention, ...]], found: ShardRows) -> None:
    mine = EntityColumns()
    try:
        for (part, sentence), in_sentence in zip(entry.sentences, mentions, strict=True):
            if in_sentence:
                mine.add(entry.citation, Found(part, sentence, in_sentence))
    except Exception as error:  # one bad record costs one record
        _quarantine(entry.row, error)
        return
    entry.row.fate, entry.row.n_entities = "extracted", len(mine)
    found.entities.extend(mine)


def _origin(task: ShardTask) -> Origin:
    return Origin(task.model.name, task.model.sha256, task.source, task.run_id)


def _all_entities(task: ShardTask, found: ShardRows) -> pa.Table:
    """The entities that were found and those that were carried over, by position in the source file."""
    own = found.entities.to_table(_origin(task))
    if found.carried is None:
        return own
    both = pa.concat_tables([own, found.carried])
    return both.take(np.argsort(both["position"].to_numpy(), kind="stable")).combine_chunks()


def _tables(task: ShardTask, found: ShardRows) -> dict[str, pa.Table]:
    """What the shard has to write, by kind."""
    entities = _all_entities(task, found)
    tables = {"entities": entities, "citations": citation_table(found.rows, _origin(task))}
    endpoints = endpoint_table(entities)
    if endpoints.num_rows:
        tables["endpoints"] = endpoints
    if found.deletions:
        tables["deletions"] = deletion_table(found.deletions, _origin(task))
    return tables


def _stage(task: ShardTask, tables: dict[str, pa.Table], attempt: str) -> tuple[DataFile, ...]:
    return tuple(
        stage_table(task.root, table, kind=kind, shard=task.shard, attempt=attempt, run_id=task.run_id)
        for kind, table in tables.items()
    )
