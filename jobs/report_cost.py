"""Responsible for what a report says across runs: cost by model and machine, trend, list of runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobs.prices import Instance
from jobs.report import RunLine, by_model
from jobs.report_parts import Curve, Point, Section, duration, number
from jobs.run_view import RunView

TREND_RUNS = 30


def cost_table(lines: Sequence[RunLine], prices: Sequence[Instance]) -> list[dict[str, Any]]:
    """USD for a million citations, by machine and model, with the prices that were used."""
    seconds = {model["model"]: _worker_seconds(model["model"], lines) for model in by_model(lines)}
    return [
        {
            "machine": instance.name,
            "vcpus": instance.n_vcpus,
            "usd_per_hour": instance.usd_per_hour,
            "usd_per_million_citations": {
                model: round(instance.usd_per_million(each), 4) for model, each in seconds.items()
            },
        }
        for instance in prices
        if seconds
    ]


def _worker_seconds(model: str, lines: Sequence[RunLine]) -> float:
    """Time of one worker for a citation."""
    mine = [line for line in lines if line.model == model and line.wall_seconds and line.tally.n_citations]
    busy = sum((line.wall_seconds or 0.0) * (line.workers or 1) for line in mine)
    return busy / max(sum(line.tally.n_citations for line in mine), 1)


def cost_section(view: RunView, lines: Sequence[RunLine], prices: Sequence[Instance]) -> Section:
    """What a million citations cost."""
    table = cost_table(lines, prices)
    models = list(table[0]["usd_per_million_citations"]) if table else []
    usd = (view.metrics or {}).get("usd_per_hour")
    own = f" This run was counted at {usd:,.3f} USD/h for all its workers." if usd else ""
    return Section(
        "What a million citations cost",
        text=f"USD, with one worker a vCPU that is as fast as those of these runs.{own}" if table else "",
        columns=("machine", "vCPU", "USD/h", *models),
        rows=[
            (
                row["machine"],
                str(row["vcpus"]),
                f"{row['usd_per_hour']:,.3f}",
                *(f"{value:,.2f}" for value in row["usd_per_million_citations"].values()),
            )
            for row in table
        ],
    )


def trend_section(lines: Sequence[RunLine]) -> Section:
    """How the last runs compare."""
    timed = [line for line in lines if line.wall_seconds and line.tally.n_citations][-TREND_RUNS:]
    if len(timed) < 2:
        return Section("From night to night")
    ends = (_day(timed[0]), _day(timed[-1]))
    pace, found, cost = [], [], []
    for at, line in enumerate(timed):
        tally, name = line.tally, f"{line.run_id} with {line.model}"
        speed = tally.n_citations / (line.wall_seconds or 1.0)
        rate = 1000 * tally.n_entities / max(tally.n_sentences, 1)
        pace.append(Point(at, speed, f"{name}: {speed:,.1f} citations/s"))
        found.append(Point(at, rate, f"{name}: {rate:,.2f} entities for each thousand sentences"))
        if line.usd_per_million is not None:
            cost.append(Point(at, line.usd_per_million, f"{name}: {line.usd_per_million:,.2f} USD"))
    return Section(
        "From night to night",
        curves=(
            Curve("citations/s of the last runs", tuple(pace), ends),
            Curve("entities for each thousand sentences", tuple(found), ends),
            Curve("USD for a million citations", tuple(cost), ends),
        ),
    )


def runs_section(lines: Sequence[RunLine]) -> Section:
    """The last runs, newest first."""
    return Section(
        "Runs",
        columns=("run", "started", "model", "status", "citations", "entities", "quar.", "time", "citations/s")
        + ("USD/M", "plan"),
        rows=[
            (
                line.run_id.partition("-")[0].lstrip("0"),
                line.started_at[:16].replace("T", " ") or "-",
                line.model,
                line.status,
                f"{line.tally.n_citations:,}",
                f"{line.tally.n_entities:,}",
                f"{line.tally.fates['quarantined']:,}",
                duration(line.wall_seconds),
                number(line.tally.n_citations / line.wall_seconds if line.wall_seconds else None),
                number(line.usd_per_million),
                "-" if line.prediction_error is None else f"{line.prediction_error:+.0%}",
            )
            for line in list(reversed(lines))[:TREND_RUNS]
        ],
    )


def _day(line: RunLine) -> str:
    return line.started_at[:10] or line.run_id[:6]
