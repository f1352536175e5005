"""Responsible for the records an output folder keeps about itself, as they are stored.

::

    DIR/_settings/0001.json              what decides how rows come about; one per change, in order
    DIR/_sources/<file>.<revision>.json  an input file as it was read: its hash, its slices
    DIR/_commits/<shard>.json            a finished shard: the data files it consists of
    DIR/{entities,citations,deletions}/  data files; only those named by a commit count

Every record is created exclusively and never changed, so whoever reads one sees all of it.
Records are followed, folders are never searched for data.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from extract.errors import NewerOutput, NotAnOutput, OutputError
from extract.evidence import Evidence, parse_evidence
from extract.place import Place, spread
from extract.shadow import Shadow, parse_shadow
from extract.slices import Slice
from extract.table import SCHEMAS

COMMITS = "_commits"
SOURCES = "_sources"
SETTINGS = "_settings"
RUNS = "_runs"
_ADVICE = "find all that is broken with `extract verify`"

Record = TypeVar("Record")

_HEXADECIMAL = re.compile(r"[0-9a-f]+")
DATA_NAME = re.compile(r"[0-9a-f]+\.[0-9a-f]+\.parquet")
"""What data files are called; anything else in their folders is not ours."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file that belongs to a shard."""

    kind: str
    """``entities``, ``citations`` or ``deletions``: the folder and the schema."""
    name: str
    """File name in that folder, made of hexadecimal ids only."""
    n_bytes: int
    sha256: str
    n_rows: int
    digest: str
    """:func:`extract.table.digest_rows` of the rows."""


@dataclass(frozen=True, slots=True)
class SettingsRecord:
    """What decides how rows come about. Another value of any field means other rows."""

    number: int
    """1 for the first settings of the output; the highest is in force."""
    run_id: str
    values: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Equal exactly when all values are equal."""
        return hashlib.sha256(json.dumps(dict(self.values), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """An input file as it was when it was checked."""

    identity: str
    """What makes it the same file when its content changed: a MEDLINE file's name, else its path."""
    revision: int
    """1 for the first content seen under this identity."""
    name: str
    sha256: str
    n_bytes: int
    format: str
    n_records: int
    year: int | None
    """Release year of a numbered MEDLINE file, 2026 for ``pubmed26n0001``."""
    number: int | None
    slices: tuple[Slice, ...]
    run_id: str

    @property
    def order(self) -> tuple[int, int, str, str]:
        """Sorts files oldest first: a later file's record replaces an earlier one's."""
        return (self.year or 0, self.number or 0, self.name, self.sha256)


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """A finished shard."""

    shard: str
    settings: str
    """Digest of the settings it was made with."""
    source_sha256: str
    first_position: int
    n_records: int
    run_id: str
    attempt: str
    attempts: int
    """Tries it took, the successful one included."""
    files: tuple[DataFile, ...]
    fates: Mapping[str, int]
    n_deletions: int
    n_sentences: int
    n_gated_out: int
    n_tokens: int
    n_entities: int
    n_carried: int
    """Citations whose unchanged text was not tagged again."""
    cpu_seconds: float
    wall_seconds: float
    peak_rss_bytes: int
    worker: str
    """Which worker process made it; no host name."""
    cpu: str
    """Class of the processor, since that decides which integer kernels ran."""
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    """CPU time of the worker by stage, in order."""
    audit: Mapping[str, int] = field(default_factory=dict)
    """What was seen of the sentences that the gate dropped (:class:`extract.gate_audit.Observed`)."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    """What was found in them, by level of the gate."""
    shadow: Shadow | None = None
    """What another model said to a sample of the tagged sentences; None without one."""
    computed: Mapping[str, int] = field(default_factory=dict)
    """``sentences`` that went through the model, their ``tokens``, tokens ``computed`` (special tokens and
    overlaps of long sentences included), and how many of those were ``padding``."""
    process: Mapping[str, float] = field(default_factory=dict)
    """Of the worker process at the shard's end: ``private_bytes``, memory that no other process has;
    ``model_seconds`` the model took to open there; ``shares_weights``, 1 or 0."""

    @property
    def n_citations(self) -> int:
        return sum(self.fates.values())

    def file(self, kind: str) -> DataFile | None:
        """The data file of a kind, if the shard has one."""
        return next((file for file in self.files if file.kind == kind), None)


def shard_id(source_sha256: str, first_position: int, n_records: int, settings: str) -> str:
    """Identity of a shard: the same input range under the same settings is the same shard, in any run."""
    text = f"{source_sha256}:{first_position}:{n_records}:{settings}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def to_json(record: CommitRecord | SourceRecord | SettingsRecord) -> bytes:
    """The record as stored."""
    return (json.dumps(asdict(record), sort_keys=True, indent=1) + "\n").encode()


def require_output(root: Place) -> None:
    """
    :raises NotAnOutput: when a folder is not the output of a run.
    """
    if not (root / COMMITS).is_dir():
        got = f"no {COMMITS} in it" if root.is_dir() else "a file" if root.exists() else "no such folder"
        raise NotAnOutput("not an output folder", str(root), got, "a folder made by `extract run --out`")


def read_commits(root: Place) -> dict[str, CommitRecord]:
    """Finished shards of an output by shard id.

    :raises OutputError: when a record is damaged, or stands under the name of another.
    """
    records: dict[str, CommitRecord] = {}
    paths = commit_paths(root)
    for path, record in zip(paths, spread(root, read_commit, paths), strict=True):
        if record.shard != path.stem:
            where = f"{COMMITS}/{path.name}"
            raise OutputError("record is of another shard", where, record.shard, path.stem, _ADVICE)
        records[record.shard] = record
    return records


def commit_paths(root: Place) -> list[Place]:
    """The files of all commit records."""
    return _record_paths(root / COMMITS)


def _record_paths(folder: Place) -> list[Place]:
    return sorted(folder.glob("*.json"), key=str)


def read_commit(path: Place) -> CommitRecord:
    """One commit record.

    :raises OutputError: when it is damaged.
    """
    return _read(path, _parse_commit)


def read_sources(root: Place) -> list[SourceRecord]:
    """Every revision of every input file ever taken in.

    :raises OutputError: when a record is damaged.
    """
    return spread(root, lambda path: _read(path, _parse_source), _record_paths(root / SOURCES))


def read_settings(root: Place) -> list[SettingsRecord]:
    """Every settings the output was made with, oldest first; the last is in force.

    :raises OutputError: when a record is damaged.
    """
    records = spread(root, lambda path: _read(path, _parse_settings), _record_paths(root / SETTINGS))
    return sorted(records, key=lambda record: record.number)


def _parse_commit(data: Mapping[str, Any]) -> CommitRecord:
    _check_fields(CommitRecord, data)
    parsed: dict[str, Any] = {"files": tuple(_parse_file(file) for file in data["files"])}
    if not _HEXADECIMAL.fullmatch(data["shard"]):  # it becomes a file name
        raise ValueError(f"shard {data['shard']!r}")
    if evidence := data.get("evidence"):
        parsed["evidence"] = {level: parse_evidence(seen) for level, seen in evidence.items()}
    if shadow := data.get("shadow"):
        parsed["shadow"] = parse_shadow(shadow)
    return CommitRecord(**{**data, **parsed})


def _parse_file(data: Mapping[str, Any]) -> DataFile:
    _check_fields(DataFile, data)
    file = DataFile(**data)
    if file.kind not in SCHEMAS or not DATA_NAME.fullmatch(file.name):  # nothing outside may be named
        raise ValueError(f"data file {file.kind}/{file.name}")
    return file


def _parse_source(data: Mapping[str, Any]) -> SourceRecord:
    _check_fields(SourceRecord, data)
    return SourceRecord(**{**data, "slices": tuple(Slice(**piece) for piece in data["slices"])})


def _parse_settings(data: Mapping[str, Any]) -> SettingsRecord:
    _check_fields(SettingsRecord, data)
    return SettingsRecord(**data)


class _UnknownFields(Exception):
    """A record has fields that this version does not know."""


def _check_fields(kind: type, data: Mapping[str, Any]) -> None:
    unknown = sorted(data.keys() - {known.name for known in fields(kind)})
    if unknown:
        raise _UnknownFields(", ".join(unknown)[:200])


def _read(path: Place, parse: Callable[[Mapping[str, Any]], Record]) -> Record:
    where = f"{path.parent.name}/{path.name}"
    try:
        return parse(json.loads(path.read_bytes()))
    except _UnknownFields as exc:
        advice = "use the version of this program that wrote it"
        raise NewerOutput("record is of a newer version", where, f"fields {exc}", advice=advice) from exc
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise OutputError(
            "record cannot be read", where, str(exc), "a record of this format", _ADVICE
        ) from exc
