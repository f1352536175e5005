"""Responsible for ``extract models compare``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.figures import figures_option, prepare_figures, tell_figures
from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table

if TYPE_CHECKING:
    from jobs.entrant import Entrant


@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--data", required=True, metavar="FILE", help="Annotated file: JSONL, CoNLL/IOB2 or Label Studio."
)
@click.option(
    "--corpus",
    multiple=True,
    metavar="INPUT",
    help="Also run the whole job over this file, folder or glob with each model; repeatable.",
)
@click.option("--repeats", type=click.IntRange(1), help="Rounds.  [default: 5; 3 over a corpus]")
@click.option(
    "--workers", type=click.IntRange(1), metavar="N", help="Workers for the corpus. [default: one per core]"
)
@click.option("--no-gate", is_flag=True, help="Over the corpus, tag every sentence.")
@click.option(
    "--price-per-hour",
    type=click.FloatRange(0, min_open=True),
    metavar="USD",
    help="For all machines. [default: 0.048 a worker]",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="How far below the best F1 the model that runs tonight may be.",
)
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE", help="Write the comparison as a page."
)
@figures_option
def _compare(
    names: tuple[str, ...],
    data: str,
    corpus: tuple[str, ...],
    repeats: int | None,
    workers: int | None,
    no_gate: bool,
    price_per_hour: float | None,
    tolerance: float,
    html: Path | None,
    figures: Path | None,
    as_json: bool,
) -> None:
    """Compare models on the same annotated sentences, and over the same corpus, in one run.

    NAME is a variant name or a bundle folder; torch:CHECKPOINT is a checkpoint in PyTorch, for reference.
    Rounds alternate between the models, each in a process of its own; times are medians. Speed and agreement
    are against the variant `dense` if it is among them, else the first. * marks the Pareto front.
    """
    from extract.annotations import labels_of, read_annotations
    from jobs import comparison, corpus_comparison
    from jobs.comparison_page import write_comparison_page
    from jobs.entrant import settle_entrants
    from jobs.verdict import tell

    if not corpus and (workers or no_gate or price_per_hour):
        raise click.UsageError(
            "--workers, --no-gate and --price-per-hour are for the corpus: give --corpus INPUT"
        )
    prepare_figures(figures)
    sentences = read_annotations(data)
    if corpus:
        corpus_comparison.check_corpus(corpus)
    entrants = settle_entrants([_find(name) for name in names])
    if unknown := set(labels_of(sentences)) - set(entrants[0].labels):
        echo_note(f"note: the models do not know {', '.join(sorted(unknown))}: these count as missed")
    if corpus and not no_gate and len({entrant.source.has_gate for entrant in entrants}) > 1:
        echo_note("note: only some of the models have a gate; --no-gate compares them without")
    found = comparison.compare_models(
        entrants, sentences, repeats=repeats or comparison.REPEATS, report=echo_note
    )
    runs = (
        corpus_comparison.compare_on_corpus(
            entrants,
            corpus,
            n_workers=workers,
            gate=not no_gate,
            price_per_hour=price_per_hour,
            repeats=repeats or corpus_comparison.REPEATS,
            report=echo_note,
        )
        if corpus
        else ()
    )
    told = tell(found, runs, tolerance=tolerance)
    if html is not None:
        write_comparison_page(told, html)
    if figures is not None:
        from compress.figures import write_comparison_figures

        tell_figures(write_comparison_figures(told, figures))
    (echo_json if as_json else _show)(told)


def _find(name: str) -> Entrant:
    from jobs.cli.checkpoint import PREFIX, find_checkpoint
    from jobs.entrant import find_entrant

    return find_checkpoint(name) if name.startswith(PREFIX) else find_entrant(name)


def _show(told: dict[str, Any]) -> None:
    from jobs.comparison_tables import corpus_table, footprint_table, label_table, pace_table, score_table

    columns, rows = label_table(told)
    echo_table("F1 by label", columns, rows)
    title = f"{told['sentences']:,} sentences of {told['documents']:,} documents, compared with"
    echo_table(f"{title} {told['reference']}", *score_table(told))
    echo_table(f"Time, {told['repeats']} rounds", *pace_table(told))
    echo_table("Size, memory and start", *footprint_table(told))
    if any(row["corpus"] for row in told["rows"]):
        columns, rows = corpus_table(told)
        first = next(row["corpus"] for row in told["rows"] if row["corpus"])
        echo_table(f"{first['citations']:,} citations, {first['workers']} workers", columns, rows)
    tonight = told["runs_tonight"]
    click.echo(f"runs tonight: {tonight['name']} because {tonight['because']}")


compare = command(
    "compare",
    example="extract models compare models/dense models/int8 pruned25-int8 --data test.jsonl\n"
    "extract models compare models/dense pruned25-int8 --data test.jsonl --corpus nightly/ --html page.html",
)(_compare)
