"""Responsible for what differs between two outputs, or two runs of one, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from extract.commits import require_output
from extract.output import Output, open_output
from extract.place import parse_place
from jobs.errors import InputMissing
from jobs.runs import list_runs

ADDED, REMOVED, CHANGED = "added", "removed", "changed"

Citation = tuple[int | None, str]
"""PMID, or None and the document's id."""


@dataclass(frozen=True, slots=True)
class Span:
    """An entity, as far as it is compared: scores may differ."""

    field: str
    start: int
    end: int
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One entity that is not the same in both."""

    pmid: int | None
    doc_id: str
    kind: str
    """``added``, ``removed`` or ``changed``."""
    before: Span | None
    after: Span | None
    cause: str
    """``text_revised``, ``model_changed``, ``settings_changed`` (joined by ``+`` where several hold),
    ``new_citation``, ``deleted``, ``superseded``, ``quarantined``, ``not_in_input`` or ``unexplained``."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "pmid": self.pmid,
            "doc_id": self.doc_id,
            "kind": self.kind,
            "before": _plain(self.before),
            "after": _plain(self.after),
            "cause": self.cause,
        }


def open_sides(folders: tuple[str, ...]) -> tuple[Output, Output]:
    """The two sides of a comparison: two folders, or one folder and two of its runs.

    :raises InputMissing: when the arguments are neither.
    :raises NotAnOutput: when a folder is no output.
    """
    if len(folders) == 2:
        return open_output(folders[0]), open_output(folders[1])
    root = parse_place(folders[0])
    require_output(root)
    runs = list_runs(root)
    wrong = [run for run in folders[1:] if run not in runs]
    if len(folders) != 3 or wrong:
        raise InputMissing(
            "nothing to compare", folders[0], " ".join(wrong or folders), "DIR_A DIR_B, or DIR RUN_A RUN_B"
        )
    return open_output(folders[0], as_of=folders[1]), open_output(folders[0], as_of=folders[2])


def iter_changes(before: Output, after: Output) -> Iterator[Change]:
    """Every entity that differs, citation by citation, in the order of PMIDs and ids."""
    old, new = _read_side(before), _read_side(after)
    for citation in sorted(old.spans.keys() | new.spans.keys(), key=lambda key: (key[0] or 0, key[1])):
        gone = old.spans.get(citation, Counter()) - new.spans.get(citation, Counter())
        come = new.spans.get(citation, Counter()) - old.spans.get(citation, Counter())
        if not gone and not come:
            continue
        cause = _cause(citation, old, new)
        for kind, left, right in _pair(list(gone.elements()), list(come.elements())):
            yield Change(citation[0], citation[1], kind, left, right, cause)


@dataclass(frozen=True)
class _Side:
    """An output in memory, as far as a comparison needs it."""

    output: Output
    spans: dict[Citation, Counter[Span]]
    origins: dict[Citation, dict[str, Any]]
    """Text hash, model, settings and fate of each live citation."""


def _read_side(output: Output) -> _Side:
    spans: dict[Citation, Counter[Span]] = {}
    columns = ["pmid", "doc_id", "field", "start", "end", "label", "text"]
    for batch in output.entities.to_batches(columns=columns):
        for row in batch.to_pylist():
            span = Span(row["field"], row["start"], row["end"], row["label"], row["text"])
            spans.setdefault(_key(row), Counter())[span] += 1
    settings = {shard.commit.run_id: shard.commit.settings for shard in output.rows.shards}
    origins = {}
    for batch in output.citations.to_batches(
        columns=["pmid", "doc_id", "text_sha256", "model_sha256", "run_id", "fate"]
    ):
        for row in batch.to_pylist():
            origins[_key(row)] = {**row, "settings": settings[row["run_id"]]}
    return _Side(output, spans, origins)


def _key(row: dict[str, Any]) -> Citation:
    return (row["pmid"], "") if row["pmid"] is not None else (None, row["doc_id"])


def _cause(citation: Citation, old: _Side, new: _Side) -> str:
    before, after = old.origins.get(citation), new.origins.get(citation)
    if before is None:
        return "new_citation"
    if after is None:
        return _fate_in(new.output, citation) or "not_in_input"
    if "quarantined" in (before["fate"], after["fate"]):
        return "quarantined"
    causes = [
        name
        for name, column in (("text_revised", "text_sha256"), ("model_changed", "model_sha256"))
        if before[column] != after[column]
    ]
    if before["settings"] != after["settings"] and "model_changed" not in causes:
        causes.append("settings_changed")
    return "+".join(causes) or "unexplained"


def _fate_in(output: Output, citation: Citation) -> str | None:
    """What became of a citation that is not in the view."""
    pmid, doc_id = citation
    for table in output.iter_history():
        column, value = ("pmid", pmid) if pmid is not None else ("doc_id", doc_id)
        rows = table.filter(pc.equal(table[column], value))
        if rows.num_rows:
            return str(rows["fate"][-1].as_py())
    return None


def _pair(gone: list[Span], come: list[Span]) -> Iterator[tuple[str, Span | None, Span | None]]:
    """Tell what was changed from what was added or removed: same place, or same words and label."""
    for same in (_same_place, _same_words):
        for left in list(gone):
            right = next((span for span in come if same(left, span)), None)
            if right is not None:
                gone.remove(left)
                come.remove(right)
                yield CHANGED, left, right
    yield from ((REMOVED, span, None) for span in gone)
    yield from ((ADDED, None, span) for span in come)


def _same_place(left: Span, right: Span) -> bool:
    return left.field == right.field and left.start < right.end and right.start < left.end


def _same_words(left: Span, right: Span) -> bool:
    return (left.field, left.label, left.text) == (right.field, right.label, right.text)


def _plain(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {name: getattr(span, name) for name in Span.__slots__}
