"""Responsible for what a report says of a run, part by part: its numbers as texts, bars and lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from jobs import charts
from jobs.prices import Instance
from jobs.report import RunLine
from jobs.report_cost import cost_section, runs_section, trend_section
from jobs.report_found import (
    endpoints_section,
    fates_section,
    gate_section,
    labels_section,
    quarantine_section,
    shadow_section,
)
from jobs.report_parts import BarRow, Curve, Page, Point, Section, duration, number, share
from jobs.run_view import RunView

__all__ = ["Page", "Section", "build_page"]

GOOD_ERROR = 0.15
"""A prediction is good when the run took no more than this share longer or shorter."""
STAGES = ("open", "read", "split", "tag", "check", "write")
_BINS = 30


def build_page(view: RunView, line: RunLine, lines: Sequence[RunLine], prices: Sequence[Instance]) -> Page:
    """All that is to be said about a run."""
    sections = (
        fates_section(view),
        _progress(view),
        _stages(view),
        _workers(view),
        _padding(view),
        gate_section(view),
        shadow_section(view),
        quarantine_section(view),
        labels_section(view),
        endpoints_section(view),
        cost_section(view, lines, prices),
        trend_section(lines),
        runs_section(lines),
        _made_with(view),
    )
    return Page(
        title=f"Run {line.run_id.partition('-')[0].lstrip('0')}: {line.status}",
        subtitle=f"{line.run_id} with {line.model}, started {line.started_at or 'at an unknown time'}",
        figures=_figures(view, line),
        notices=_notices(view, line),
        sections=[section for section in sections if section.says_something],
    )


def _figures(view: RunView, line: RunLine) -> list[tuple[str, str]]:
    tally = view.tally
    wall = line.wall_seconds
    plan = [] if line.prediction_error is None else [("against the plan", f"{line.prediction_error:+.1%}")]
    agreement = None if tally.shadow is None else tally.shadow.all_labels.agreement
    return [
        ("citations", f"{tally.n_citations:,}"),
        ("entities", f"{tally.n_entities:,}"),
        ("quarantined", f"{tally.fates['quarantined']:,}"),
        ("not tagged again", f"{tally.n_carried:,}"),
        ("sentences", f"{tally.n_sentences:,}"),
        ("gated out", share(tally.n_gated_out / tally.n_sentences if tally.n_sentences else 0.0)),
        *([] if agreement is None else [("agrees with the parent", share(agreement))]),
        ("tokens", f"{tally.n_tokens:,}"),
        *([] if tally.padding is None else [("padding", share(tally.padding))]),
        ("wall time", duration(wall)),
        ("citations/s", number(tally.n_citations / wall if wall else None)),
        ("tokens/s", number(tally.n_tokens / wall if wall else None)),
        ("CPU time", duration(tally.cpu_seconds)),
        ("USD per million", number(line.usd_per_million)),
        *plan,
    ]


def _notices(view: RunView, line: RunLine) -> list[str]:
    notices = []
    if line.status != "done":
        notices.append(f"This run is {line.status}: run the same command again to continue.")
    if view.alarms:
        names = ", ".join(
            f"{entry.label} ({entry.before or 0:,.2f} to {entry.per_thousand:,.2f})" for entry in view.alarms
        )
        notices.append(f"Entities for each thousand sentences differ from earlier runs: {names}.")
    if line.prediction_error is not None and abs(line.prediction_error) > GOOD_ERROR:
        notices.append(f"The plan was off by more than {GOOD_ERROR:.0%}: {line.prediction_error:+.0%}.")
    return notices


def _progress(view: RunView) -> Section:
    """Pace, and what was done in all, over the time of the shards."""
    spans = [(span.begin, span.end, span.n_citations) for span in view.spans]
    pace = charts.pace_points(spans, min(_BINS, max(2, 2 * len(spans))))
    last = spans[-1][1] if spans else 0.0
    ends = ("start", f"after {duration(last)}")
    done = [Point(0.0, 0.0, "nothing yet")]
    for _, end, n_citations in spans:
        total = int(done[-1].y) + n_citations
        done.append(Point(end, total, f"{total:,} after {duration(end)}"))
    return Section(
        "Over time",
        text="By the times of the commit records; a shard's citations are spread over the time it took.",
        curves=(
            Curve(
                "citations/s",
                tuple(Point(at, value, f"{value:,.1f}/s after {duration(at)}") for at, value in pace),
                ends,
            ),
            Curve("citations committed", tuple(done), ends),
        )
        if spans
        else (),
    )


def _stages(view: RunView) -> Section:
    total = sum(view.stage_seconds.values()) or 1.0
    rows = [
        BarRow(stage, seconds, f"{seconds / total:.1%} ({duration(seconds)})")
        for stage, seconds in sorted(view.stage_seconds.items(), key=lambda item: _order(item[0]))
    ]
    return Section(
        "Where the time went",
        caption="CPU time of the workers by stage; check is the sample of what the gate dropped and the "
        "second opinion",
        bars=rows,
    )


def _order(stage: str) -> int:
    """Where a stage stands in a shard; records keep them by name."""
    return STAGES.index(stage) if stage in STAGES else len(STAGES)


def _workers(view: RunView) -> Section:
    tally = view.tally
    workers = list(enumerate(sorted(tally.worker_seconds), start=1))
    busy = [tally.worker_seconds[worker] for _, worker in workers]
    text = ""
    if len(busy) > 1:
        spread = (max(busy) - min(busy)) / max(max(busy), 1e-9)
        text = f"The least busy worker was busy {share(1 - spread)} as long as the busiest."
    return Section(
        "Workers",
        text=text,
        caption="time busy with shards",
        bars=[
            BarRow(f"worker {n}", seconds, duration(seconds))
            for (n, _), seconds in zip(workers, busy, strict=True)
        ],
        columns=("worker", "citations", "busy", "citations/s", "peak MiB"),
        rows=[
            (
                f"worker {n}",
                f"{tally.worker_citations[worker]:,}",
                duration(tally.worker_seconds[worker]),
                number(tally.worker_citations[worker] / max(tally.worker_seconds[worker], 1e-9)),
                f"{tally.worker_rss[worker] / 2**20:,.0f}",
            )
            for n, worker in workers
        ],
    )


def _padding(view: RunView) -> Section:
    """Tokens computed against tokens of sentences."""
    seen, padding = view.tally.computed, view.tally.padding
    if padding is None:
        return Section("Padding")
    extra = seen["computed"] - seen["tokens"] - seen["padding"]
    return Section(
        "Padding",
        text=f"Of {seen['computed']:,} tokens that the model computed, {seen['padding']:,} were padding "
        f"({share(padding)}): batches hold windows of one length.",
        columns=("tokens", "count", "share"),
        rows=[
            ("of sentences", f"{seen['tokens']:,}", share(seen["tokens"] / seen["computed"])),
            ("special, and overlaps of long sentences", f"{extra:,}", share(extra / seen["computed"])),
            ("padding", f"{seen['padding']:,}", share(padding)),
        ],
    )


def _made_with(view: RunView) -> Section:
    rows = [
        (f"{group}: {name}", str(value))
        for group in ("host", "settings", "versions")
        for name, value in dict(view.facts.get(group) or {}).items()
    ]
    return Section("Made with", columns=("what", "value"), rows=rows)
