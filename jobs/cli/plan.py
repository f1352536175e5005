"""Responsible for `extract plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table
from jobs.cli.place import OUTPUT

if TYPE_CHECKING:
    from extract.place import Place
    from jobs.forecast import Plan

_BAR_WIDTH = 40
_UNDISTURBED = 0.85


@command(
    "plan",
    example="extract plan baseline/ --corpus-citations 40901984 --workers 16 --price-per-hour 0.768\n"
    "extract plan nightly/ --model int8 --model pruned25-int8",
)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Variant name, or a bundle folder; may be given several times. [default: pruned25-int8]",
)
@click.option(
    "--corpus-citations", type=click.IntRange(1), metavar="N", help="Predict for so many citations."
)
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="Workers. [default: one per physical core]"
)
@click.option(
    "--price-per-hour",
    type=click.FloatRange(0),
    metavar="USD",
    help="For all machines. [default: 0.048 a worker]",
)
@click.option("--no-gate", is_flag=True, help="Tag every sentence, even if the model has a gate.")
@click.option(
    "--out",
    type=OUTPUT,
    metavar="DIR",
    help="Note the prediction in this output; after the run its report says how far off it was.",
)
def plan(
    inputs: tuple[str, ...],
    models: tuple[str, ...],
    corpus_citations: int | None,
    workers: int | None,
    no_gate: bool,
    price_per_hour: float | None,
    out: Place | None,
    as_json: bool,
) -> None:
    """Predict time and cost of a run over INPUT, by running a sample of it on this machine."""
    from extract.registry import DEFAULT_MODEL
    from jobs.forecast import make_plan
    from jobs.model import find_model
    from jobs.plan_notes import write_plans

    sources = [find_model(name) for name in models or (DEFAULT_MODEL,)]
    made = make_plan(
        inputs,
        sources,
        n_workers=workers,
        n_citations=corpus_citations,
        gate=not no_gate,
        price_per_hour=price_per_hour,
    )
    if out is not None:
        write_plans(out, made.to_dict()["predictions"])
    for entry in made.measured:
        if entry.cpu_share < _UNDISTURBED:
            echo_note(
                f"note: {entry.model}: its workers computed only {entry.cpu_share:.0%} of their time; other "
                "programs ran or the disk is slow, and the plan holds only if that is so during the run"
            )
    if as_json:
        echo_json(made.to_dict())
    else:
        _show(made)


def _show(made: Plan) -> None:
    told = made.to_dict()
    counted = "counted" if told["citations_counted"] else "estimated by size"
    echo_note(
        f"{told['files']:,} files, {told['bytes']:,} bytes, {told['citations']:,} citations ({counted}); "
        f"{told['sampled_citations']:,} sampled"
    )
    for title, name in (
        ("tokens a sentence", "tokens_per_sentence"),
        ("sentences a citation", "sentences_per_citation"),
    ):
        echo_table(title, ("from", "to", "count", "share"), _bars(told[name]))
    shares = told["measured"][0]["stage_shares"]
    rows = [
        (
            entry["model"],
            f"{entry['citations_per_second_per_worker']:,.1f}",
            *(f"{entry['stage_shares'][stage]:.0%}" for stage in shares),
        )
        for entry in told["measured"]
    ]
    echo_table("measured here", ("model", "citations/s a worker", *shares), rows)
    echo_table(
        "predicted",
        ("model", "workers", "citations", "time", "citations/s", "USD", "USD/M"),
        [_prediction(row) for row in told["predictions"]],
    )


def _bars(bins: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    total = sum(entry["count"] for entry in bins) or 1
    return [
        (
            str(entry["from"]),
            "" if entry["to"] is None else str(entry["to"]),
            f"{entry['count']:,}",
            ("█" * round(_BAR_WIDTH * entry["count"] / total)).ljust(_BAR_WIDTH)
            + f" {entry['count'] / total:4.0%}",
        )
        for entry in bins
    ]


def _prediction(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        row["model"],
        str(row["workers"]),
        f"{row['citations']:,}",
        _duration(row["wall_seconds"]),
        f"{row['citations_per_second']:,.1f}",
        f"{row['usd']:,.2f}",
        f"{row['usd_per_million_citations']:,.2f}",
    )


def _duration(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours:,} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"
