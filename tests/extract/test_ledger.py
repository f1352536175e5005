"""Any history of files, revisions, versions and deletions: the view is what the rule says, as of any run.

Outputs are written here file by file, as runs would leave them, interrupted ones too; the rule is written
down once more, slowly, and shares no code with the product.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.commits import (
    COMMITS,
    RUNS,
    SETTINGS,
    SOURCES,
    CommitRecord,
    DataFile,
    SettingsRecord,
    SourceRecord,
    shard_id,
    to_json,
)
from extract.output import Output, open_output
from extract.slices import Slice
from extract.table import SCHEMAS, build_table, digest_rows, write_table

SETTINGS_RECORD = SettingsRecord(1, "000001-a", {"model": "m"})
MODEL = {"model": "m", "model_sha256": "0" * 64}


@dataclass(frozen=True)
class Record:
    """A citation in a file."""

    pmid: int
    version: int


@dataclass(frozen=True)
class Content:
    """What a file holds."""

    records: tuple[Record, ...]
    deletions: tuple[Record, ...]
    cut: int
    """Where its second slice begins."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()

    @property
    def slices(self) -> tuple[Slice, ...]:
        n = len(self.records) + len(self.deletions)
        ends = sorted({min(self.cut, n), n} - {0})
        return tuple(
            Slice(index, start, end, end - start, start)
            for index, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
        )


@dataclass(frozen=True)
class Arrival:
    """A file that a run takes in; all of its slices but ``n_late`` are done in that run."""

    number: int
    content: Content
    n_late: int


Row = tuple[int, int, int, str]
"""PMID, version, position and source of a live citation."""

RECORD = st.builds(Record, st.integers(1, 4), st.integers(1, 2))
CONTENT = st.builds(
    Content,
    st.lists(RECORD, min_size=1, max_size=4).map(tuple),
    st.lists(RECORD, max_size=2, unique=True).map(tuple),
    st.integers(1, 3),
)
ARRIVALS = st.lists(
    st.builds(Arrival, st.integers(1, 3), CONTENT, st.sampled_from([0, 0, 0, 1])),
    max_size=3,
    unique_by=lambda arrival: arrival.number,
)
HISTORY = st.lists(ARRIVALS, min_size=1, max_size=3)


def name_of(number: int) -> str:
    return f"pubmed26n{number:04d}.xml"


def run_id(index: int) -> str:
    return f"{index + 1:06d}-a"


class Writer:
    """Leaves an output as runs would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.revisions: dict[int, list[Content]] = {}
        self.done: dict[tuple[str, int], int] = {}
        """Slices that are committed, and by which run."""
        self.registered: dict[tuple[int, int], int] = {}
        """Revisions that are known, and since which run."""
        for name in (*SCHEMAS, COMMITS, SOURCES, SETTINGS, RUNS):
            (root / name).mkdir(parents=True)
        (root / SETTINGS / "0001.json").write_bytes(to_json(SETTINGS_RECORD))

    def run(self, index: int, arrivals: Sequence[Arrival]) -> None:
        """Finish what the runs before left, then take in files."""
        (self.root / RUNS / run_id(index)).mkdir()
        (self.root / RUNS / run_id(index) / "run.json").write_text("{}")
        for number, contents in self.revisions.items():
            self._commit(index, number, contents[-1], len(contents[-1].slices))
        for arrival in arrivals:
            contents = self.revisions.setdefault(arrival.number, [])
            if not contents or contents[-1] != arrival.content:
                contents.append(arrival.content)
                self.registered[arrival.number, len(contents)] = index
                self._register(index, arrival.number, len(contents), arrival.content)
            n_done = len(arrival.content.slices) - arrival.n_late
            self._commit(index, arrival.number, arrival.content, n_done)

    def _register(self, index: int, number: int, revision: int, content: Content) -> None:
        source = SourceRecord(
            name_of(number), revision, name_of(number), content.sha256, 1, "medline_xml",
            content.slices[-1].end, 2026, number, content.slices, run_id(index),
        )  # fmt: skip
        (self.root / SOURCES / f"{number}.{revision:04d}.json").write_bytes(to_json(source))

    def _commit(self, index: int, number: int, content: Content, n_slices: int) -> None:
        for piece in content.slices[:n_slices]:
            if (content.sha256, piece.start) not in self.done:
                self.done[content.sha256, piece.start] = index
                self._write_shard(index, number, content, piece)

    def _write_shard(self, index: int, number: int, content: Content, piece: Slice) -> None:
        shard = shard_id(content.sha256, piece.start, piece.n_records, SETTINGS_RECORD.digest)
        n = len(content.records)
        citations = [(place, content.records[place]) for place in range(piece.start, min(piece.end, n))]
        orders = [(place, content.deletions[place - n]) for place in range(max(piece.start, n), piece.end)]
        origin = {"source": name_of(number), "run_id": run_id(index)}
        tables = {
            "citations": {**identity(citations), **origin, **MODEL, **fates(len(citations))},
            "entities": {**identity(citations), **origin, **MODEL, **mentions(citations)},
            "deletions": {**identity(orders), **origin},
        }
        files = tuple(self._write(kind, shard, columns) for kind, columns in tables.items())
        record = CommitRecord(
            shard, SETTINGS_RECORD.digest, content.sha256, piece.start, piece.n_records, run_id(index),
            "a", 1, files, {"extracted": len(citations)}, len(orders), 0, 0, 0, len(citations), 0,
            0.0, 0.0, 0, "w", "cpu",
        )  # fmt: skip
        (self.root / COMMITS / f"{shard}.json").write_bytes(to_json(record))

    def _write(self, kind: str, shard: str, columns: dict[str, Any]) -> DataFile:
        table = build_table(kind, columns)
        path = self.root / kind / f"{shard}.{'a' * 32}.parquet"
        with path.open("wb") as stream:
            write_table(table, stream)
        data = path.read_bytes()
        return DataFile(
            kind, path.name, len(data), hashlib.sha256(data).hexdigest(), table.num_rows, digest_rows(table)
        )


def identity(placed: Sequence[tuple[int, Record]]) -> dict[str, Any]:
    return {
        "pmid": [record.pmid for _, record in placed],
        "doc_id": [str(record.pmid) for _, record in placed],
        "pmid_version": [record.version for _, record in placed],
        "position": [place for place, _ in placed],
    }


def fates(n: int) -> dict[str, Any]:
    counts = dict.fromkeys(("n_sentences", "n_gated_out", "n_tokens"), [0] * n)
    nothing = dict.fromkeys(("reason", "text_sha256", "content_key"), [None] * n)
    return {**counts, **nothing, "fate": "extracted", "n_entities": [1] * n}


def mentions(placed: Sequence[tuple[int, Record]]) -> dict[str, Any]:
    n = len(placed)
    names = dict.fromkeys(("section", "field", "text", "label", "sentence"), "x")
    numbers = {"start": [0] * n, "end": [1] * n, "score": [1.0] * n, "sentence_start": [0] * n}
    return {**names, **numbers}


def in_force(writer: Writer, until: int) -> list[tuple[int, Content, set[int]]]:
    """Number, content and finished slices of every file, oldest first, as they were after a run."""
    chosen: dict[int, Content] = {}
    for number, contents in writer.revisions.items():
        for revision, content in enumerate(contents, 1):
            if writer.registered[number, revision] > until:
                continue
            starts = [piece.start for piece in content.slices]
            is_whole = all(writer.done.get((content.sha256, start), 99) <= until for start in starts)
            if number not in chosen or is_whole:
                chosen[number] = content
    last_name = {content.sha256: number for number, content in sorted(chosen.items())}
    return [
        (
            number,
            content,
            {start for (sha, start), run in writer.done.items() if sha == content.sha256 and run <= until},
        )
        for number, content in sorted(chosen.items())
        if last_name[content.sha256] == number
    ]


def told_slowly(writer: Writer, until: int) -> tuple[set[Row], int]:
    """The live citations after a run, and how many were seen in all."""
    alive: dict[tuple[int, int], tuple[int, int]] = {}
    n_seen = 0
    for number, content, done in in_force(writer, until):
        places = [
            place
            for piece in content.slices
            if piece.start in done
            for place in range(piece.start, piece.end)
        ]
        for place in (place for place in places if place < len(content.records)):
            record = content.records[place]
            alive[record.pmid, record.version] = (number, place)
            n_seen += 1
        for place in (place - len(content.records) for place in places if place >= len(content.records)):
            alive.pop((content.deletions[place].pmid, content.deletions[place].version), None)
    best: dict[int, tuple[int, int, int]] = {}
    for (pmid, version), (number, place) in alive.items():
        best[pmid] = max(best.get(pmid, (0, 0, 0)), (number, version, place))
    return {
        (pmid, version, place, name_of(number)) for pmid, (number, version, place) in best.items()
    }, n_seen


def rows_of(view: Output, kind: str) -> list[Row]:
    table = view[kind].to_table(columns=["pmid", "pmid_version", "position", "run_id"])
    columns = (table[name].to_pylist() for name in ("pmid", "pmid_version", "position"))
    return sorted(zip(*columns, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ledger")


@settings(max_examples=15)
@given(history=HISTORY)
def test_view_is_what_the_rule_says_as_of_any_run(folder: Path, history: list[list[Arrival]]) -> None:
    shutil.rmtree(folder)
    writer = Writer(folder / "out")
    for index, arrivals in enumerate(history):
        writer.run(index, arrivals)
        expected, _ = told_slowly(writer, index)
        assert rows_of(open_output(folder / "out"), "citations") == sorted(row[:3] for row in expected)
    for index in range(len(history)):
        expected, n_seen = told_slowly(writer, index)
        view = open_output(folder / "out", as_of=run_id(index))
        assert rows_of(view, "citations") == sorted(row[:3] for row in expected)
        assert rows_of(view, "entities") == rows_of(view, "citations")
        fates_now = view.count_fates()
        assert sum(fates_now.values()) == n_seen
        assert fates_now["extracted"] == len(expected)


@settings(max_examples=10)
@given(
    arrivals=st.lists(
        st.builds(Arrival, st.integers(1, 4), CONTENT, st.just(0)),
        min_size=2,
        max_size=4,
        unique_by=lambda arrival: arrival.number,
    ),
    order=st.randoms(use_true_random=False),
)
def test_order_of_processing_changes_nothing(folder: Path, arrivals: list[Arrival], order: Any) -> None:
    shutil.rmtree(folder)
    views = []
    for name in ("one", "other"):
        writer = Writer(folder / name)
        for index, arrival in enumerate(arrivals):
            writer.run(index, [arrival])
        views.append(open_output(folder / name))
        arrivals = order.sample(arrivals, len(arrivals))
    assert rows_of(views[0], "entities") == rows_of(views[1], "entities")
    assert views[0].count_fates() == views[1].count_fates()
