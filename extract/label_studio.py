"""Responsible for reading what annotators export from Label Studio (its JSON, full or minimal).

Format: https://labelstud.io/guide/export. What people do there is not as tidy as training data must be:

- **Nobody answered.** A task without annotation, or with skipped ones only, is left out: nobody said that
  it holds nothing. A submitted annotation without regions does say so.
- **Several annotators.** The annotation marked as ground truth counts; else the one that shares most spans
  with the others, and of equals the one that was updated last.
- **Overlaps.** The same region twice is one. Of two that overlap the longer counts, of equals the first.
- **White space** at a region's ends is no part of the entity.
- **Offsets** count UTF-16 code units, as browsers do. A task whose marked words are found only by counting
  code points is read that way. Words that are at neither place are an error: the text has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from extract.annotated import (
    AnnotatedSentence,
    Span,
    parse_list,
    parse_object,
    parse_sentence,
    parse_span,
    parse_text,
)
from extract.errors import AnnotationError

_SHOWN = 5
"""Tasks that a note names."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one annotator said of a task."""

    regions: tuple[Mapping[str, Any], ...]
    ground_truth: bool
    updated_at: str
    """ISO 8601, so that it sorts; empty where the export does not say."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A text and all that was said of it."""

    id: str
    where: str
    data: Mapping[str, Any]
    answers: tuple[_Answer, ...]


class _Notes:
    """What was settled while reading, by kind."""

    def __init__(self) -> None:
        self._tasks: dict[str, list[str]] = {}

    def add(self, kind: str, task: str) -> None:
        self._tasks.setdefault(kind, []).append(task)

    def lines(self) -> Iterator[str]:
        for kind, tasks in self._tasks.items():
            more = ", ..." if len(tasks) > _SHOWN else ""
            yield f"{len(tasks)} {kind}: task {', '.join(tasks[:_SHOWN])}{more}"


def parse_export(value: Any, where: str, report: Callable[[str], None]) -> list[AnnotatedSentence]:
    """The answered tasks of an export, in order.

    :param report: told in a line each what was left out or settled.
    :raises AnnotationError: when it is no export, or none of it is answered.
    """
    tasks = _parse_tasks(parse_list(value, "Label Studio export", where), where)
    notes = _Notes()
    sentences = [sentence for task in tasks if (sentence := _parse_answered(task, notes))]
    if tasks and not sentences:
        raise AnnotationError(
            "nothing is annotated",
            where,
            f"{len(tasks)} tasks without a submitted annotation",
            advice="import it into Label Studio, correct it there, and export that",
        )
    for line in notes.lines():
        report(f"{where}: {line}")
    return sentences


def _parse_tasks(values: Sequence[Any], where: str) -> list[_Task]:
    """Tasks in order; the minimal form has a task once for each annotator."""
    tasks: dict[str, _Task] = {}
    for number, value in enumerate(values, start=1):
        place = f"{where}, task {number}"
        task = _parse_task(parse_object(value, place), number, place)
        # Without `annotation_id` equal ids are no sign of one task, only of carelessness.
        key = task.id if "annotation_id" in value else f"\0{number}"
        known = tasks.get(key)
        if known:
            task = _Task(known.id, known.where, known.data, (*known.answers, *task.answers))
        tasks[key] = task
    return list(tasks.values())


def _parse_task(task: dict[str, Any], number: int, where: str) -> _Task:
    task_id = str(task.get("id", number))
    if "annotations" in task or "data" in task:
        data = parse_object(task.get("data", task), where)
        annotations = parse_list(task.get("annotations", []), "annotations", where)
        answers = (_parse_annotation(parse_object(one, where), where) for one in annotations)
        return _Task(task_id, where, data, tuple(answer for answer in answers if answer))
    regions = [
        region
        for name, column in task.items()
        if name == "label" or _holds_regions(column)
        for region in parse_list(column, name, where)
    ]
    answer = _Answer(
        tuple(parse_object(region, where) for region in regions), False, str(task.get("updated_at", ""))
    )
    return _Task(task_id, where, task, (answer,))


def _holds_regions(column: Any) -> bool:
    """Whether a column of the minimal form is that of a labelling control, whatever its name."""
    return isinstance(column, list) and any(isinstance(one, dict) and "labels" in one for one in column)


def _parse_annotation(annotation: dict[str, Any], where: str) -> _Answer | None:
    """None where the annotator skipped the task."""
    if annotation.get("was_cancelled"):
        return None
    regions = []
    for result in parse_list(annotation.get("result"), "result", where):
        kind = str(parse_object(result, where).get("type", ""))
        if kind == "labels":
            regions.append(parse_object(result.get("value"), where))
        elif kind.endswith("labels"):
            raise AnnotationError("bad region", where, kind, "labels on a plain text (a <Text> tag)")
        # Relations and choices about the whole text have no labels on a stretch of it.
    return _Answer(
        tuple(regions), bool(annotation.get("ground_truth")), str(annotation.get("updated_at", ""))
    )


def _parse_answered(task: _Task, notes: _Notes) -> AnnotatedSentence | None:
    if not task.answers:
        notes.add("tasks that nobody answered are left out", task.id)
        return None
    text = parse_text(task.data.get("text"), task.where)
    answers = [_parse_spans(answer.regions, text, task.where) for answer in task.answers]
    if len(set(answers)) > 1:
        notes.add("tasks with different answers, of which one was chosen", task.id)
    spans = _drop_overlaps(answers[_choose(task.answers, answers)])
    if len(spans) < len(set(answers[_choose(task.answers, answers)])):
        notes.add("tasks with overlapping regions, of which the longest count", task.id)
    return parse_sentence(task.id, str(task.data.get("doc", task.id)), text, spans, task.where)


def _choose(answers: Sequence[_Answer], spans: Sequence[tuple[Span, ...]]) -> int:
    """Which of the answers counts."""
    marked = [set(one) for one in spans]

    def rank(index: int) -> tuple[bool, float, str, int]:
        others = [*marked[:index], *marked[index + 1 :]]
        agreement = sum(_overlap(marked[index], other) for other in others)
        return answers[index].ground_truth, agreement, answers[index].updated_at, index

    return max(range(len(answers)), key=rank)


def _overlap(left: set[Span], right: set[Span]) -> float:
    """Spans that two answers share, 0 to 1; two that found nothing agree."""
    return 2 * len(left & right) / (len(left) + len(right)) if left or right else 1.0


def _drop_overlaps(spans: Sequence[Span]) -> list[Span]:
    """The longest of those that overlap."""
    kept: list[Span] = []
    for span in sorted(set(spans), key=lambda span: (span.start - span.end, span.start, span.label)):
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept)


def _parse_spans(regions: Sequence[Mapping[str, Any]], text: str, where: str) -> tuple[Span, ...]:
    """The regions of one answer, all of them counted the same way."""
    by_units = _code_unit_places(text)
    spans = [_locate(region, text, by_units, where) for region in regions]
    if None in spans:
        by_points = {place: place for place in range(len(text) + 1)}
        spans = [_locate(region, text, by_points, where) for region in regions]
    for region, span in zip(regions, spans, strict=True):
        if span is None:
            got = repr(text[region["start"] : region["end"]])
            raise AnnotationError(
                "offsets do not match the marked text", where, got, repr(region.get("text"))
            )
    return tuple(sorted(span for span in spans if span))


def _code_unit_places(text: str) -> dict[int, int]:
    """Which character begins at each UTF-16 code unit; none does inside a surrogate pair."""
    units = accumulate((2 if char > "\uffff" else 1 for char in text), initial=0)
    return {unit: place for place, unit in enumerate(units)}


def _locate(region: Mapping[str, Any], text: str, places: Mapping[int, int], where: str) -> Span | None:
    """A region in characters, white space at its ends left out; None where its words are not there."""
    labels = region.get("labels")
    if not isinstance(labels, list) or len(labels) != 1:
        raise AnnotationError("bad labels", where, repr(labels), "one label a region")
    span = parse_span({"start": region.get("start"), "end": region.get("end"), "label": labels[0]}, where)
    start, end = places.get(span.start, -1), places.get(span.end, -1)
    if not 0 <= start < end:
        return None
    words, marked = text[start:end], region.get("text")
    # Some versions write a line break as a backslash and an n.
    if isinstance(marked, str) and marked.strip() not in (words.strip(), words.strip().replace("\n", "\\n")):
        return None
    start += len(words) - len(words.lstrip())
    end -= len(words) - len(words.rstrip())
    return Span(start, end, span.label) if start < end else None
