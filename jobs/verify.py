"""Responsible for checking an output again: every record, every file, every row."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

from extract.commits import CommitRecord, DataFile, commit_paths, read_commit, read_settings, read_sources
from extract.endpoint_table import endpoint_table
from extract.endpoints import ENDPOINT_RULE_VERSION
from extract.errors import NewerOutput, OutputError
from extract.place import Place
from extract.table import FATES, SCHEMAS, digest_rows, read_table
from jobs.layout import final_path


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in an output that is not as it should be."""

    shard: str
    """The shard it belongs to; empty when it belongs to none."""
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def iter_problems(root: Place) -> Iterator[Problem]:
    """Check everything that was committed; yields what is broken."""
    sizes, known = _read_plan(root)
    if isinstance(known, Problem):
        yield known
    for path in commit_paths(root):
        try:
            commit = read_commit(path)
        except NewerOutput as error:  # of no shard: it must not be withdrawn
            yield Problem("", f"_commits/{path.name}", str(error))
            continue
        except OutputError as error:
            yield Problem(path.stem, f"_commits/{path.name}", str(error))
            continue
        if commit.shard != path.stem:  # checking on would speak of the other
            yield Problem(path.stem, f"_commits/{path.name}", "the record is of another shard")
            continue
        expected = sizes.get((commit.source_sha256, commit.first_position))
        if not isinstance(known, Problem):
            if expected is None:
                yield Problem(commit.shard, f"_commits/{path.name}", "its source file is not registered")
            elif expected != commit.n_records:
                what = f"got {commit.n_records} records, expected {expected} as planned"
                yield Problem(commit.shard, f"_commits/{path.name}", what)
            if commit.settings not in known:
                yield Problem(commit.shard, f"_commits/{path.name}", "its settings are not registered")
        settings = {} if isinstance(known, Problem) else known.get(commit.settings, {})
        yield from _check_commit(root, commit, settings)


def _read_plan(root: Place) -> tuple[dict[tuple[str, int], int], dict[str, Mapping[str, str]] | Problem]:
    """Records in each slice, and all settings by their digest; or what is wrong with those records."""
    try:
        sizes = {
            (source.sha256, piece.first_position): piece.n_records
            for source in read_sources(root)
            for piece in source.slices
        }
        return sizes, {settings.digest: settings.values for settings in read_settings(root)}
    except OutputError as error:
        return {}, Problem("", str(root), str(error))


def _check_commit(root: Place, commit: CommitRecord, settings: Mapping[str, str]) -> Iterator[Problem]:
    tables: dict[str, pa.Table] = {}
    for file in commit.files:
        where = f"{file.kind}/{file.name}"
        try:
            tables[file.kind] = _checked_table(final_path(root, file.kind, file.name), file)
        except OutputError as error:
            yield Problem(commit.shard, where, str(error))
    missing = {"entities", "citations"} - {file.kind for file in commit.files}
    if missing:
        yield Problem(commit.shard, f"_commits/{commit.shard}.json", f"no {' nor '.join(sorted(missing))}")
    if {"entities", "citations"} <= tables.keys():
        for what in _check_rows(commit, tables):
            yield Problem(commit.shard, f"shard {commit.shard}", what)
        # Other rules than ours made other records of the same entities, and were right to.
        if settings.get("endpoint_rule") == str(ENDPOINT_RULE_VERSION):
            for what in _check_endpoints(commit, tables):
                yield Problem(commit.shard, f"shard {commit.shard}", what)


def _checked_table(path: Place, file: DataFile) -> pa.Table:
    """A data file, if it is the one that was committed.

    :raises OutputError: when it is not.
    """
    try:
        if path.stat().st_size != file.n_bytes:  # before it is read: it may be anything by now
            raise OutputError("size differs", got=f"{path.stat().st_size} bytes", expected=str(file.n_bytes))
        data = path.read_bytes()
    except OSError as exc:
        raise OutputError("missing", got=exc.strerror or str(exc)) from exc
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise OutputError("content differs from what was committed (SHA-256)")
    table = read_table(path)
    if table.schema != SCHEMAS[file.kind]:
        raise OutputError("columns differ from the declared ones")
    if (table.num_rows, digest_rows(table)) != (file.n_rows, file.digest):
        raise OutputError("rows differ from those that were committed")
    return table


def _check_rows(commit: CommitRecord, tables: dict[str, pa.Table]) -> Iterator[str]:
    citations, entities = tables["citations"], tables["entities"]
    fates = Counter(citations["fate"].to_pylist())
    if dict(fates) != dict(commit.fates):
        yield f"fates differ: got {dict(fates)}, expected {dict(commit.fates)}"
    if not fates.keys() <= set(FATES):
        yield f"unknown fate {sorted(fates.keys() - set(FATES))}"
    if citations.num_rows + commit.n_deletions != commit.n_records:
        yield f"got {citations.num_rows + commit.n_deletions} records, expected {commit.n_records}"
    found = Counter(entities["position"].to_pylist())
    told = dict(zip(citations["position"].to_pylist(), citations["n_entities"].to_pylist(), strict=True))
    if len(told) != citations.num_rows:
        yield "a record has two fates"
    found = Counter(entities["position"].to_pylist())
    told = dict(zip(citations["position"].to_pylist(), citations["n_entities"].to_pylist(), strict=True))
    if len(told) != citations.num_rows:
        yield "a record has two fates"
    if commit.file("deletions") is not None and "deletions" not in tables:
        return  # the file itself is broken, which was said
    orders = tables["deletions"]["position"].to_pylist() if "deletions" in tables else []
    first = commit.first_position
    if sorted([*told, *orders]) != list(range(first, first + commit.n_records)):
        yield f"its records are not those from {first} to {first + commit.n_records - 1}, each once"
    if any(told.get(position) != count for position, count in found.items()) or sum(told.values()) != sum(
        found.values()
    ):
        yield "entities and their citations do not match"
    yield from _check_spans(entities)
    yield from _check_positions(commit, tables)


def _check_positions(commit: CommitRecord, tables: Mapping[str, pa.Table]) -> Iterator[str]:
    """Whether the rows are those of the shard's records, each once."""
    if commit.file("deletions") is not None and "deletions" not in tables:
        return  # the file itself is broken, which was said
    orders = tables["deletions"]["position"].to_pylist() if "deletions" in tables else []
    positions = sorted([*tables["citations"]["position"].to_pylist(), *orders])
    first = commit.first_position
    if positions != list(range(first, first + commit.n_records)):
        yield f"its records are not those from {first} to {first + commit.n_records - 1}, each once"


def _check_spans(entities: pa.Table) -> Iterator[str]:
    names = ("start", "end", "text", "sentence", "sentence_start", "doc_id")
    for start, end, text, sentence, offset, doc_id in zip(
        *(entities[name].to_pylist() for name in names), strict=True
    ):
        if not 0 <= start < end or sentence[start - offset : end - offset] != text:
            yield f"entity [{start}, {end}) of {doc_id} does not say {text[:40]!r}"
            return


def _check_endpoints(commit: CommitRecord, tables: Mapping[str, pa.Table]) -> Iterator[str]:
    """Whether the endpoint records are those that follow from the entities."""
    if commit.file("endpoints") is not None and "endpoints" not in tables:
        return  # the file itself is broken, which was said
    expected = endpoint_table(tables["entities"])
    got = tables.get("endpoints", expected.slice(0, 0))
    if got.num_rows != expected.num_rows:
        yield f"got {got.num_rows} endpoint records, expected {expected.num_rows} from its entities"
    elif not got.equals(expected):
        names = [name for name in expected.column_names if not got[name].equals(expected[name])]
        yield f"endpoint records do not follow from its entities: {', '.join(names)} differ"
