"""Responsible for what a student is taught beside annotated sentences: teachers' answers to unlabelled text.

Of the text, sentences are taken that a gate lets pass, from documents that nothing is judged on; the teachers
answer them all. What they find something in is learnt, with a settable share of sentences in which they find
nothing: half of those from text outside the gate's domain, so that a student stays silent there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers

from compress.device import CPU
from compress.errors import DataError
from compress.features import (
    Features,
    IntArray,
    encode_sentences,
    join_features,
    select_sentences,
    without_tags,
)
from compress.folds import Folds, Report
from compress.training.answers import Answers, Halves, read_answers, window_answers, write_answers
from compress.training.teachers import Teacher, ask_teachers, open_teachers
from compress.training.unlabelled import Picked, pick_text
from extract.annotations import find_split, read_annotations
from extract.bundle import open_bundle
from extract.gate import Gate, open_gate


@dataclass(frozen=True)
class Teaching:
    """Who teaches, with what text."""

    teachers: tuple[Path, ...]
    """Fine-tuned checkpoints, or folders of several trainings; their probabilities are averaged."""
    text: tuple[Path, ...] = ()
    """Unlabelled: JSON Lines with ``doc`` and ``paragraphs``, or inputs of a run. Without any, the teachers
    answer the annotated sentences alone."""
    gate_of: Path | None = None
    """A bundle whose gate chooses sentences; None takes any."""
    sentences: int = 10_000
    """At most so many are put to the teachers."""
    silent_share: float = 0.5
    """Share, of what is learnt, of sentences in which nothing is found; 0 to 1, where 1 keeps them all."""
    agree: bool = False
    """Leave out sentences in which the teachers do not all find the same."""


@dataclass(frozen=True)
class Plan:
    """What the teachers are to be asked; nothing has been yet."""

    teaching: Teaching
    teachers: tuple[Teacher, ...]
    annotated: Features
    text: Features
    """The unlabelled sentences: those that the gate lets pass, then those outside."""
    n_inside: int
    """How many pass."""
    tokenizer: tokenizers.Tokenizer
    max_tokens: int
    key: str
    """SHA-256 of all that the answers depend on, the machine apart."""


@dataclass(frozen=True)
class Lesson:
    """What :func:`compress.training.train.train` takes."""

    data: Features
    """Annotated sentences, then unlabelled ones without any tag."""
    answers: list[Halves]
    """By window of ``data``."""
    told: dict[str, Any]
    """In numbers, for the record: who taught, how many sentences were found in, silent, disagreed on."""


def plan_lesson(
    teaching: Teaching,
    folds: Folds,
    annotated: Features,
    tokenizer: tokenizers.Tokenizer,
    *,
    data: Path,
    max_tokens: int,
    device: str = CPU,
    report: Report = lambda line: None,
) -> Plan:
    """Open the teachers and choose the text.

    :param data: the data folder; documents of its ``test`` file are left out of the text, as are those that
        ``folds`` chooses or judges by.
    :param device: where the teachers compute.
    :raises CheckpointError, CompressError, DataError, BundleError: something cannot be read or does not fit.
    """
    teachers = tuple(open_teachers(teaching.teachers, annotated.tags, device=device))
    if teaching.agree and len(teachers) < 2:
        raise DataError("nobody to agree with", "", "one teacher", "two or more", "leave --agree out")
    report(f"{len(teachers)} teachers" if len(teachers) > 1 else "one teacher")
    picked = _pick(teaching, folds, data, annotated)
    sentences = (*picked.inside, *picked.outside)
    text = encode_sentences(sentences, tokenizer, annotated.tags, max_tokens=max_tokens)
    digest = hashlib.sha256("".join(teacher.sha256 for teacher in teachers).encode())
    asked = [(one.doc, one.text) for one in (*annotated.sentences, *sentences)]
    chosen = (teaching.sentences, teaching.silent_share, teaching.agree, max_tokens)
    digest.update(repr((chosen, asked, tokenizer.to_str())).encode("utf-8", "surrogatepass"))
    return Plan(
        teaching, teachers, annotated, text, len(picked.inside), tokenizer, max_tokens, digest.hexdigest()
    )


def _pick(teaching: Teaching, folds: Folds, data: Path, annotated: Features) -> Picked:
    if not teaching.text:
        return Picked((), ())
    gate = None if teaching.gate_of is None else _open_gate(teaching.gate_of)
    test = find_split(data, "test") if data.is_dir() else None
    judged = [*folds.dev, *folds.held_out, *(read_annotations(test) if test else ())]
    n_outside = 0 if gate is None else int(teaching.sentences * teaching.silent_share / 2)
    picked = pick_text(
        teaching.text,
        teaching.sentences - n_outside,
        gate=gate,
        n_outside=n_outside,
        without={sentence.doc for sentence in judged},
        known={sentence.text for sentence in (*judged, *annotated.sentences)},
    )
    if not picked.inside:
        raise DataError(
            "no sentence to learn from",
            ", ".join(path.name for path in teaching.text),
            "none passes the gate" if gate else "none",
            "at least one",
        )
    return picked


def _open_gate(bundle: Path) -> Gate:
    gate = open_gate(open_bundle(bundle))
    if gate is None:
        raise DataError("no gate", str(bundle), "a bundle without one", advice="see `extract models gate`")
    return gate


def read_lesson(
    plan: Plan, cache: Path, *, on_annotated: bool = True, report: Report = lambda line: None
) -> Lesson:
    """Ask the teachers, or read from ``cache`` what they said.

    :param on_annotated: whether they are to answer the annotated sentences too.
    """
    n_annotated = len(plan.annotated.sentences) if on_annotated else 0
    asked = join_features(select_sentences(plan.annotated, range(n_annotated)), plan.text)
    key = f"{plan.key} {n_annotated}"
    answers = read_answers(cache, key)
    if answers is None:
        report(f"teachers answer {len(asked.sentences)} sentences")
        answers = ask_teachers(
            plan.teachers, asked, plan.tokenizer, max_tokens=plan.max_tokens, report=report
        )
        write_answers(cache, answers, key)
    kept, counts = _choose(plan, answers, n_annotated)
    report("of the text: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    text = without_tags(select_sentences(plan.text, kept - n_annotated))
    said = window_answers(answers.select(range(n_annotated)), plan.annotated) if n_annotated else []
    said = said or _silence(plan.annotated)
    said += window_answers(answers.select(kept), text)
    teachers = [{"name": one.name, "sha256": one.sha256} for one in plan.teachers]
    return Lesson(join_features(plan.annotated, text), said, {"teachers": teachers, "text": counts})


def _silence(features: Features) -> list[Halves]:
    """Where the teachers were not asked."""
    n_tags = len(features.tags)
    return [np.full((len(window.input_ids), n_tags), np.nan, np.float16) for window in features.windows]


def _choose(plan: Plan, answers: Answers, first: int) -> tuple[IntArray, dict[str, int]]:
    """Which of the sentences from ``first`` on are learnt, in order, and how many there are of each kind."""
    teaching = plan.teaching
    silent = np.array([_is_silent(rows, plan.text.tags) for rows in answers.logs[first:]], dtype=bool)
    agreed = answers.agreed[first:] | (not teaching.agree)
    inside = np.arange(len(silent)) < plan.n_inside
    found = np.flatnonzero(~silent & agreed & inside)
    near, far = (np.flatnonzero(silent & agreed & part) for part in (inside, ~inside))
    wanted = _n_silent(len(found), teaching.silent_share, len(near) + len(far))
    n_near = min(len(near), max(wanted - wanted // 2, wanted - len(far)))
    far = far[: wanted - n_near]
    counts = {
        "sentences asked about": len(silent),
        "learnt with a find": len(found),
        "learnt as silent": n_near,
        "learnt as silent, outside the gate": len(far),
        "left out for disagreement": int((~agreed).sum()),
    }
    if len(silent) and not len(found) + n_near + len(far):
        raise DataError("teachers find nothing", "unlabelled text", f"{len(silent)} sentences", "some finds")
    return first + np.sort(np.concatenate([found, near[:n_near], far])), counts


def _is_silent(logs: Halves, tags: tuple[str, ...]) -> bool:
    said = logs[~np.isnan(logs[:, 0])]
    return bool((said.argmax(axis=1) == tags.index("O")).all())


def _n_silent(n_found: int, share: float, most: int) -> int:
    return most if share == 1 else min(most, round(n_found * share / (1 - share)))
