"""Responsible for what the report page says, part by part: a run's numbers as texts, bars and lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs import charts
from jobs.charts import Bar, BarRow, Line
from jobs.prices import Instance
from jobs.report import RunLine, by_model
from jobs.run_view import RunView

GOOD_ERROR = 0.15
"""A prediction is good when the run took no more than this share longer or shorter."""
_TREND_RUNS = 30


@dataclass(frozen=True)
class Section:
    """A part of the page; what is empty is not shown."""

    title: str
    text: str = ""
    caption: str = ""
    bars: Sequence[Bar] = ()
    line: Line | None = None
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    lists: Sequence[tuple[str, Sequence[str]]] = ()

    @property
    def says_something(self) -> bool:
        return bool(self.text or self.bars or self.line or self.rows or self.lists)


@dataclass(frozen=True)
class Page:
    """The whole page, as text that is not escaped yet."""

    title: str
    subtitle: str
    figures: Sequence[tuple[str, str]]
    notices: Sequence[str]
    sections: Sequence[Section]


def build_page(view: RunView, line: RunLine, lines: Sequence[RunLine], prices: Sequence[Instance]) -> Page:
    """All that is to be said about a run."""
    sections = (
        _fates(view),
        _progress(view),
        _stages(view),
        _workers(view),
        _quarantine(view),
        _labels(view),
        _cost(lines, prices),
        _trend(lines),
        _runs(lines),
        _made_with(view),
    )
    return Page(
        title=f"Run {line.run_id.partition('-')[0].lstrip('0')}: {line.status}",
        subtitle=f"{line.run_id} with {line.model}, started {line.started_at or 'at an unknown time'}",
        figures=_figures(view, line),
        notices=list(_notices(view, line)),
        sections=[section for section in sections if section.says_something],
    )


def _figures(view: RunView, line: RunLine) -> list[tuple[str, str]]:
    tally = view.tally
    gated = tally.n_gated_out / tally.n_sentences if tally.n_sentences else 0.0
    wall = line.wall_seconds
    plan = [] if line.prediction_error is None else [("against the plan", f"{line.prediction_error:+.1%}")]
    return [
        ("citations", f"{tally.n_citations:,}"),
        ("entities", f"{tally.n_entities:,}"),
        ("quarantined", f"{tally.fates['quarantined']:,}"),
        ("not tagged again", f"{tally.n_carried:,}"),
        ("sentences", f"{tally.n_sentences:,}"),
        ("gated out", f"{gated:.1%}"),
        ("tokens", f"{tally.n_tokens:,}"),
        ("wall time", _duration(wall)),
        ("citations/s", _number(tally.n_citations / wall if wall else None)),
        ("tokens/s", _number(tally.n_tokens / wall if wall else None)),
        ("CPU time", _duration(tally.cpu_seconds)),
        ("USD per million", _number(line.usd_per_million)),
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


def _fates(view: RunView) -> Section:
    total = view.tally.n_citations
    rows = [
        BarRow(fate, count, f"{count:,} ({count / total:.1%})", alarm=fate == "quarantined")
        for fate, count in sorted(view.tally.fates.items(), key=lambda item: -item[1])
    ]
    return Section("What became of the citations", caption="citations by fate", bars=charts.bars(rows))


def _progress(view: RunView) -> Section:
    points = [
        (seconds, float(total), f"{total:,} after {_duration(seconds)}") for seconds, total in view.progress
    ]
    ends = (_duration(0.0), _duration(points[-1][0])) if points else ("", "")
    return Section(
        "Over time",
        caption="citations committed, from the first commit on (times of the commit records)",
        line=charts.line(points, x_text=ends),
    )


def _stages(view: RunView) -> Section:
    total = sum(view.stage_seconds.values()) or 1.0
    rows = [
        BarRow(stage, seconds, f"{seconds / total:.1%} ({_duration(seconds)})")
        for stage, seconds in view.stage_seconds.items()
    ]
    return Section("Where the time went", caption="CPU time of the workers by stage", bars=charts.bars(rows))


def _workers(view: RunView) -> Section:
    tally = view.tally
    rows = [
        BarRow(f"worker {number}", tally.worker_seconds[worker], _duration(tally.worker_seconds[worker]))
        for number, worker in enumerate(sorted(tally.worker_seconds), start=1)
    ]
    cells = [
        (
            f"worker {number}",
            f"{tally.worker_citations[worker]:,}",
            _duration(tally.worker_seconds[worker]),
            _number(tally.worker_citations[worker] / max(tally.worker_seconds[worker], 1e-9)),
            f"{tally.worker_rss[worker] / 2**20:,.0f}",
        )
        for number, worker in enumerate(sorted(tally.worker_seconds), start=1)
    ]
    return Section(
        "Workers",
        caption="time busy with shards",
        bars=charts.bars(rows),
        columns=("worker", "citations", "busy", "citations/s", "peak MiB"),
        rows=cells,
    )


def _quarantine(view: RunView) -> Section:
    lists = [(f"{reason.count:,} × {reason.reason}", reason.examples) for reason in view.reasons]
    return Section("Quarantined", lists=lists)


def _labels(view: RunView) -> Section:
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
    return Section(
        "Entities by label",
        caption="entities for each thousand sentences; the upright line is the mean of earlier runs",
        bars=charts.bars(rows),
    )


def _cost(lines: Sequence[RunLine], prices: Sequence[Instance]) -> Section:
    models = by_model(lines)
    seconds = {
        model["model"]: sum(
            (entry.wall_seconds or 0.0) * (entry.workers or 1)
            for entry in lines
            if entry.model == model["model"] and entry.wall_seconds and entry.tally.n_citations
        )
        / model["citations"]
        for model in models
    }
    return Section(
        "What a million citations cost",
        text="USD, with one worker a vCPU that is as fast as those of these runs." if models else "",
        columns=("machine", "vCPU", "USD/h", *(model["model"] for model in models)),
        rows=[
            (
                instance.name,
                str(instance.n_vcpus),
                f"{instance.usd_per_hour:,.3f}",
                *(f"{instance.usd_per_million(seconds[model['model']]):,.2f}" for model in models),
            )
            for instance in prices
            if models
        ],
    )


def _trend(lines: Sequence[RunLine]) -> Section:
    timed = [entry for entry in lines if entry.wall_seconds and entry.tally.n_citations][-_TREND_RUNS:]
    points = []
    for number, entry in enumerate(timed):
        pace = entry.tally.n_citations / (entry.wall_seconds or 1.0)
        points.append((float(number), pace, f"{entry.run_id}: {pace:,.1f} citations/s with {entry.model}"))
    ends = (_day(timed[0]), _day(timed[-1])) if timed else ("", "")
    return Section(
        "From night to night", caption="citations/s, run by run", line=charts.line(points, x_text=ends)
    )


def _runs(lines: Sequence[RunLine]) -> Section:
    shown = list(reversed(lines))[:_TREND_RUNS]
    return Section(
        "Runs",
        columns=(
            "run",
            "model",
            "status",
            "citations",
            "entities",
            "quarantined",
            "time",
            "citations/s",
            "USD/M",
        ),
        rows=[
            (
                entry.run_id,
                entry.model,
                entry.status,
                f"{entry.tally.n_citations:,}",
                f"{entry.tally.n_entities:,}",
                f"{entry.tally.fates['quarantined']:,}",
                _duration(entry.wall_seconds),
                _number(entry.tally.n_citations / entry.wall_seconds if entry.wall_seconds else None),
                _number(entry.usd_per_million),
            )
            for entry in shown
        ],
    )


def _made_with(view: RunView) -> Section:
    rows = [
        (f"{group}: {name}", str(value))
        for group in ("host", "settings", "versions")
        for name, value in dict(view.facts.get(group) or {}).items()
    ]
    return Section("Made with", columns=("what", "value"), rows=rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}" if value >= 100 else f"{value:,.2f}"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"


def _day(entry: RunLine) -> str:
    return entry.started_at[:10] or entry.run_id[:6]
