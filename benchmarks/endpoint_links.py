"""Responsible for measuring how well spans are joined into endpoint records.

    python -m benchmarks.endpoint_links            on the half that the rules were not written on
    python -m benchmarks.endpoint_links --half development --show

A link is a value with one thing that belongs to it. Joining starts from the annotated spans, so the model's
own errors do not count here.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extract.endpoints import EndpointRecord, join_records
from extract.records import Mention

REPOSITORY = Path(__file__).resolve().parents[1]
GOLD = REPOSITORY / "tests" / "data" / "endpoint_links.jsonl"
TRAIN = REPOSITORY.parent / "shared" / "data" / "endpoints" / "train.jsonl"
LINKS = ("restated", "lower", "upper", "level", "landmark", "group")


@dataclass(frozen=True)
class Case:
    """A sentence with its annotated records."""

    id: str
    half: str
    text: str
    mentions: tuple[Mention, ...]
    gold: tuple[dict[str, Any], ...]


def read_cases(path: Path = GOLD, train: Path = TRAIN) -> list[Case]:
    """All sentences whose text is at hand: the invented ones, and the real ones where ``train`` is there."""
    real = {}
    if train.exists():
        real = {row["id"]: row for row in map(json.loads, train.read_text("utf-8").splitlines())}
    cases = []
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        source = row if "text" in row else real.get(row["id"])
        if source:
            mentions = tuple(Mention(e["start"], e["end"], e["label"], 1.0) for e in source["entities"])
            cases.append(Case(row["id"], row["half"], source["text"], mentions, tuple(row["records"])))
    return cases


def gold_links(case: Case) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    """Kind of link, the value's place, and what it is linked to."""
    for record in case.gold:
        for kind in LINKS:
            if kind in record:
                yield kind, tuple(record["value"]), record[kind]


def found_links(records: Iterable[EndpointRecord]) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    """The same for what the library says."""
    for record in records:
        if record.value is None:
            continue
        place = (record.value.start, record.value.end)
        for kind in LINKS:
            part = getattr(record, kind)
            if part is not None:
                linked = part if isinstance(part, tuple) else (part.start, part.end)
                yield kind, place, part.percent if kind == "level" else list(linked)


def agrees(case: Case, kind: str, gold: Any, found: Any) -> bool:
    """Whether two links are the same; names of groups need to overlap or hold the other's words."""
    if kind != "group":
        return bool(gold == found)
    start, end = found
    words = case.text[start:end].lower()
    return any(
        (left < end and start < right) or case.text[left:right].lower() in words for left, right in gold
    )


@dataclass(frozen=True)
class Score:
    """Links right, found and annotated."""

    right: int
    found: int
    gold: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.gold if self.gold else 1.0


def score(cases: Iterable[Case], *, show: bool = False) -> dict[str, Score]:
    """Scores by kind of link; ``record`` counts values whose every link is right and complete."""
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    gold: Counter[str] = Counter()
    for case in cases:
        expected = {(kind, place): linked for kind, place, linked in gold_links(case)}
        answer = {
            (kind, place): linked
            for kind, place, linked in found_links(join_records(case.text, case.mentions))
        }
        good = {key for key in answer if key in expected and agrees(case, key[0], expected[key], answer[key])}
        right.update(kind for kind, _ in good)
        found.update(kind for kind, _ in answer)
        gold.update(kind for kind, _ in expected)
        places = {tuple(record["value"]) for record in case.gold}
        bad = {place for key in (expected.keys() | answer.keys()) - good for place in [key[1]]}
        right["record"] += len(places - bad)
        gold["record"] += len(places)
        found["record"] += len(join_records(case.text, case.mentions))
        if show:
            _show(case, expected, answer, good)
    return {kind: Score(right[kind], found[kind], gold[kind]) for kind in (*LINKS, "record")}


def _show(case: Case, expected: dict[Any, Any], answer: dict[Any, Any], good: set[Any]) -> None:
    wrong = sorted((expected.keys() | answer.keys()) - good, key=lambda key: key[1])
    if wrong:
        print(f"\n{case.id} {case.text}")
    for key in wrong:
        kind, (start, end) = key
        said, annotated = _say(case, answer.get(key)), _say(case, expected.get(key))
        print(f"  {kind} of {case.text[start:end]!r}: {said} for {annotated}")


def _say(case: Case, linked: Any) -> str:
    if isinstance(linked, list) and isinstance(linked[0], list):
        return " or ".join(_say(case, place) for place in linked)
    return repr(case.text[linked[0] : linked[1]]) if isinstance(linked, list) else str(linked)


def main() -> None:
    """Print the table of docs/endpoint-records.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=("development", "report"), default="report")
    parser.add_argument("--show", action="store_true", help="print every wrong link")
    arguments = parser.parse_args()
    cases = [case for case in read_cases() if case.half == arguments.half]
    print(f"{arguments.half}: {len(cases)} sentences, {sum(len(case.gold) for case in cases)} values")
    for kind, row in score(cases, show=arguments.show).items():
        print(f"{kind:10} precision {row.precision:.3f} recall {row.recall:.3f} ({row.right} of {row.gold})")


if __name__ == "__main__":
    main()
