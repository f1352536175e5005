"""Responsible for what a report says of the answers: fates, labels, quarantine, and the two samples. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from extract.endpoints import FLAGS
from extract.evidence import Example
from extract.gate_audit import LEVELS, TELLING, Observed
from jobs.report_parts import BarRow, Section, duration, share
from jobs.run_view import RunView

_MEASURED = {
    "cross_validation": "labelled, cross-validated",
    "dev": "labelled, dev",
    "test": "labelled, test",
    "text": "found by the model in unlabelled text, true or not",
    "judged": "found by the model in unlabelled text, and true",
    "whole": "all known in held-out articles, labelled or not",
}
"""What the measurements in a gate's bundle are, in the order to tell them."""
_FEW = f" Fewer than {TELLING:,} drawn sentences tell little but that they are few."
_OBSERVED = {
    "citation": "this run, dropped with their citation",
    "sentence": "this run, dropped as sentences",
}


def fates_section(view: RunView) -> Section:
    """How the citations ended."""
    total = view.tally.n_citations
    rows = [
        BarRow(fate, count, f"{count:,} ({count / total:.1%})", alarm=fate == "quarantined")
        for fate, count in sorted(view.tally.fates.items(), key=lambda item: -item[1])
    ]
    return Section("What became of the citations", caption="citations by fate", bars=rows)


def quarantine_section(view: RunView) -> Section:
    """Why citations could not be used."""
    lists = [(f"{reason.count:,} × {reason.reason}", reason.examples) for reason in view.reasons]
    return Section("Quarantined", lists=lists)


def labels_section(view: RunView) -> Section:
    """How often each label was found, now and in earlier runs."""
    rows = [
        BarRow(
            entry.label,
            entry.per_thousand,
            f"{entry.per_thousand:,.2f}" + ("" if entry.change is None else f" ({entry.change:+.0%})"),
            mark=entry.before,
            alarm=entry.alarm,
        )
        for entry in view.labels
    ]
    before = f"; the upright line is the mean of {view.n_earlier} earlier runs" if view.n_earlier else ""
    text = (
        "" if view.n_earlier or not rows else "There is no earlier run with these settings to compare with."
    )
    return Section(
        "Entities by label", text=text, caption=f"entities for each thousand sentences{before}", bars=rows
    )


def endpoints_section(view: RunView) -> Section:
    """The records that the entities were joined to, and what the checks say of them."""
    flagged = view.flagged
    if not flagged.n_records:
        return Section("Endpoint records")
    rows = [
        BarRow(FLAGS.get(flag, flag), count, f"{count:,} ({count / flagged.n_records:.1%})")
        for flag, count in flagged.flags.most_common()
    ]
    text = (
        f"{flagged.n_records:,} values were joined with their intervals, {flagged.n_flagged:,} of them are "
        "odd in some way; those stand in the table too, with flags that say so."
    )
    return Section("Endpoint records", text=text, caption="records by what is odd about them", bars=rows)


def gate_section(view: RunView) -> Section:
    """What the gate loses: measured when it was built, and seen in this run."""
    measured = view.facts.get("gate_measured") or {}
    tally = view.tally
    if not measured and not tally.n_gated_out:
        return Section("The gate")
    rows = [*_measured_rows(measured), *_observed_rows(view)]
    return Section(
        "The gate",
        text=f"{tally.n_gated_out:,} of {tally.n_sentences:,} sentences were dropped; {tally.n_audited:,} of "
        "them, drawn at random, were tagged all the same. Losses are shares of all entities; each bound is "
        "the one-sided 95 % bound of Clopper and Pearson. What is found in a dropped citation is mostly "
        "wrong, so read that loss as one from above. These finds are counted here and stand in no table."
        + _FEW
        * (tally.n_audited < TELLING),
        columns=("what was looked at", "lost", "at most", "entities", "of"),
        rows=rows,
        lists=list(_evidence_lists(view)),
    )


def _measured_rows(measured: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    for name, text in _MEASURED.items():
        seen = measured.get(name)
        if isinstance(seen, Mapping) and "upper_95" in seen:
            yield (
                text,
                share(float(seen.get("share", 0.0))),
                share(float(seen["upper_95"])),
                f"{int(seen.get('lost', 0)):,}",
                f"{int(seen.get('entities', 0)):,} entities",
            )


def _observed_rows(view: RunView) -> Iterable[tuple[str, ...]]:
    tally = view.tally
    levels = {level: Observed.of(tally.audit, level, n_entities=tally.n_entities) for level in LEVELS}
    for level, seen in levels.items():
        yield _observed_row(_OBSERVED[level], seen)
    yield _observed_row("this run, both", tally.gate_loss)


def _observed_row(text: str, seen: Observed) -> tuple[str, ...]:
    return (
        text,
        share(seen.loss),
        share(seen.loss_upper),
        f"{seen.entities:,}",
        f"{seen.audited:,} of {seen.dropped:,} sentences",
    )


def _evidence_lists(view: RunView) -> Iterable[tuple[str, list[str]]]:
    for level in LEVELS:
        seen = view.tally.evidence.get(level)
        if seen is not None:
            labels = ", ".join(f"{label} {count:,}" for label, count in seen.labels.items())
            yield (
                f"Found in sentences {_OBSERVED[level].partition(', ')[2]}: {labels}",
                _sentences(seen.examples),
            )


def shadow_section(view: RunView) -> Section:
    """How far the model and its dense parent agree."""
    title, seen = "Second opinion", view.tally.shadow
    if seen is None:
        text = "No dense parent of the model lies beside it." if "shadow" in view.facts else ""
        asked = view.facts.get("shadow")
        if isinstance(asked, Mapping):
            text = f"This run was too short to ask {asked.get('model')}, unless --shadow names it."
        return Section(title, text=text)
    if not seen.n_sentences:
        why = seen.problem or "no tagged sentence was drawn"
        return Section(title, text=f"{seen.model} was not asked: {why}.")
    alike = seen.n_same / seen.n_sentences
    cost = seen.cpu_seconds / max(view.tally.cpu_seconds, 1e-9)
    return Section(
        title,
        text=f"{seen.n_sentences:,} of the tagged sentences, drawn at random, also went through "
        f"{seen.model}: {share(alike)} of them were answered alike (at least {share(seen.same_lower)}). "
        "Agreement is the share found by both of what either found, with exact bounds and label; at least "
        f"is its one-sided 95 % bound. It took {duration(seen.cpu_seconds)} of processor time, "
        f"{share(cost)} of the workers'."
        + (f" A part was not asked: {seen.problem}." if seen.problem else ""),
        columns=("label", "both", "only here", f"only {seen.model}", "agreement", "at least"),
        rows=[
            (
                label,
                f"{votes.both:,}",
                f"{votes.only_model:,}",
                f"{votes.only_shadow:,}",
                share(votes.agreement),
                share(votes.agreement_lower),
            )
            for label, votes in [("all labels", seen.all_labels), *seen.labels.items()]
            if seen.labels
        ],
        lists=[("Not answered alike, for example:", _sentences(seen.examples))] if seen.examples else [],
    )


def _sentences(examples: Iterable[Example]) -> list[str]:
    return [f"{entry.doc_id}: {entry.text} [{'; '.join(entry.found)}]" for entry in examples]
