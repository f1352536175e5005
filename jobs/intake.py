"""Responsible for taking in input files: recognising the known, checking and registering the others.

A file is known by what it holds. Its hash is trusted without reading it again while its path or URL, size and
time of change (or entity tag) are those that the last run noted; after any change of these it is hashed
again, and only if the hash is new is the file checked from end to end.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from extract.commits import SOURCES, SourceRecord, read_sources, to_json
from extract.errors import SourceError
from extract.fetch import at_hand
from extract.place import Place
from extract.remote import Location, source_name, state_of
from extract.source import SourceFile, check_source, parse_number
from jobs.errors import InputConflict
from jobs.faults import fault_point
from jobs.layout import CACHE
from jobs.plan import Input
from jobs.store import store_of

_SEEN = "seen.json"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An input file as found."""

    path: Location
    n_bytes: int
    mark: str
    """What changes with the content: see :func:`extract.remote.state_of`."""


@dataclass(frozen=True, slots=True)
class CheckTask:
    """What a worker needs to check a file."""

    candidate: Candidate
    slice_records: int
    known: frozenset[str]
    """Hashes of contents that need no check."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that was found whole, or is known to be."""

    candidate: Candidate
    sha256: str
    file: SourceFile | None
    """None where the content is known."""
    cpu_seconds: float


def check_input(task: CheckTask) -> Checked:
    """Hash a file, and read it from end to end unless its content is known. Runs on the cluster.

    :raises SourceError: with the reason why nothing of the file may be taken in.
    """
    cpu_started = time.process_time()
    fault_point("check.start", task.candidate.path.name)
    with at_hand(task.candidate.path) as path:
        if task.known:
            with path.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            if sha256 in task.known:
                return Checked(task.candidate, sha256, None, time.process_time() - cpu_started)
        file = replace(check_source(path, slice_records=task.slice_records), path=str(task.candidate.path))
    return Checked(task.candidate, file.sha256, file, time.process_time() - cpu_started)


class Intake:
    """The input files of a run."""

    def __init__(self, root: Place, paths: Sequence[Location]) -> None:
        self._root = root
        self._by_hash: dict[str, SourceRecord] = {}
        self._latest: dict[str, SourceRecord] = {}
        for source in sorted(read_sources(root), key=lambda source: source.revision):
            self._remember(source)
        self._seen = _read_seen(root)
        self.inputs: list[Input] = []
        """Files that are registered."""
        self.refused: list[SourceError] = []
        """Why others are not."""
        self.unknown: list[Candidate] = []
        """Files that must be looked at."""
        for path in paths:
            self._sort_out(path)

    def _sort_out(self, path: Location) -> None:
        try:
            n_bytes, mark = state_of(path)
        except OSError as exc:
            self.refused.append(SourceError("unreadable", str(path), exc.strerror or str(exc)))
            return
        candidate = Candidate(path, n_bytes, mark)
        seen = self._seen.get(str(path), (-1, "", ""))
        if mark and seen[:2] == (n_bytes, mark) and self._is_latest(candidate, seen[2]):
            self._accept(candidate, self._latest[identity_of(path)])
        else:
            self.unknown.append(candidate)

    def plan_checks(self, slice_records: int) -> list[CheckTask]:
        """Tasks for all unknown files."""
        return [
            CheckTask(candidate, slice_records, frozenset(filter(None, [self._hash_of(candidate)])))
            for candidate in self.unknown
        ]

    def register(self, checked: Checked, run_id: str) -> None:
        """Note a checked file in the output, as a new revision if its content is new under its name.

        :raises InputConflict: when another input of this run has the same name and other content.
        """
        identity = identity_of(checked.candidate.path)
        while not self._is_latest(checked.candidate, checked.sha256):
            if any(entry.source.identity == identity for entry in self.inputs):
                raise InputConflict(
                    "two different inputs have one name", str(checked.candidate.path), advice="give only one"
                )
            if checked.file is None:
                raise SourceError("unreadable", str(checked.candidate.path), "changed while it was read")
            revision = self._latest[identity].revision + 1 if identity in self._latest else 1
            twin = self._by_hash.get(checked.sha256)
            source = _source_of(checked.candidate.path, checked.file, revision, run_id, twin)
            if store_of(self._root).put_new(_key_of(source), to_json(source), point="source"):
                self._remember(source)
            else:  # another run was first: its record counts
                for other in read_sources(self._root):
                    if other.identity == identity and other.revision == revision:
                        self._remember(other)
        self._accept(checked.candidate, self._latest[identity])

    def write_seen(self) -> None:
        """Note path, size and mark of every accepted file, for the next run."""
        seen = {
            str(entry.path): (entry.source.n_bytes, entry.mark, entry.source.sha256) for entry in self.inputs
        }
        if any(self._seen.get(path) != value for path, value in seen.items()):
            store_of(self._root).put_over(f"{CACHE}/{_SEEN}", json.dumps({**self._seen, **seen}).encode())

    def _accept(self, candidate: Candidate, source: SourceRecord) -> None:
        if all(entry.source.identity != source.identity for entry in self.inputs):
            self.inputs.append(Input(candidate.path, source, candidate.mark))

    def _is_latest(self, candidate: Candidate, sha256: str) -> bool:
        latest = self._latest.get(identity_of(candidate.path))
        return latest is not None and latest.sha256 == sha256

    def _hash_of(self, candidate: Candidate) -> str | None:
        latest = self._latest.get(identity_of(candidate.path))
        return latest.sha256 if latest else None

    def _remember(self, source: SourceRecord) -> None:
        self._by_hash.setdefault(source.sha256, source)
        self._latest[source.identity] = source


def identity_of(path: Location) -> str:
    """What makes it the same file when its content changes: a numbered file's name, else its path or URL."""
    year, _ = parse_number(path.name)
    if year is not None:
        return path.name
    return str(path.absolute()) if isinstance(path, Path) else str(path)


def all_sources(inputs: Iterable[Input], root: Place) -> list[SourceRecord]:
    """Every source that is or will be in the output."""
    return [*read_sources(root), *(entry.source for entry in inputs)]


def _source_of(
    path: Location, file: SourceFile, revision: int, run_id: str, twin: SourceRecord | None
) -> SourceRecord:
    """The record of a checked file; content that is known keeps its slices, and so its shards."""
    return SourceRecord(
        identity=identity_of(path),
        revision=revision,
        name=source_name(path),
        sha256=file.sha256,
        n_bytes=file.n_bytes,
        format=file.format,
        n_records=file.n_records,
        year=file.year,
        number=file.number,
        slices=twin.slices if twin else file.slices,
        run_id=run_id,
    )


def _key_of(source: SourceRecord) -> str:
    name = hashlib.sha256(source.identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{SOURCES}/{name}.{source.revision:04d}.json"


def _read_seen(root: Place) -> dict[str, tuple[int, str, str]]:
    """The last run's notes; a missing or damaged file only costs time."""
    try:
        data = json.loads((root / CACHE / _SEEN).read_bytes())
        return {path: (int(size), str(mark), str(sha)) for path, (size, mark, sha) in data.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
