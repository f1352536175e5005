"""Responsible for ``extract models sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.build import METHOD_NAMES, MISSING_EXTRA
from jobs.cli.distilling import distilling_options, take_reader
from jobs.cli.figures import figures_option, prepare_figures, tell_figures
from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table
from jobs.cli.pruning import min_score_option, pruning_options

if TYPE_CHECKING:
    from compress.sweeping.sweep import Sweep


def _parse_methods(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[str, ...]:
    names = _parse_list(text)
    for name in names:
        if name not in METHOD_NAMES:
            raise click.BadParameter(f"{name!r} is no method; there are {', '.join(METHOD_NAMES)}")
    return names


def _parse_shares(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[int, ...]:
    return _parse_numbers(text, 1, 99, "per cent to be removed")


def _parse_seeds(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[int, ...]:
    return _parse_numbers(text, 0, 2**31 - 1, "a seed")


def _parse_numbers(text: str, low: int, high: int, what: str) -> tuple[int, ...]:
    names = _parse_list(text)
    for name in names:
        if not name.isascii() or not name.isdecimal() or not low <= int(name) <= high:
            raise click.BadParameter(f"{name!r} is not {what}, a whole number from {low} to {high}")
    return tuple(dict.fromkeys(map(int, names)))


def _parse_list(text: str) -> tuple[str, ...]:
    """Each once, in the order given."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise click.BadParameter("an empty list")
    return names


@click.option("--from", "checkpoint", required=True, help="Fine-tuned token classifier: folder or hub id.")
@click.option(
    "--data",
    required=True,
    help="Folder with train and dev (or test) files, or one annotated file: to calibrate and to score.",
)
@click.option(
    "--to", "target", required=True, help="The sweep's folder; one of the same sweep is gone on with."
)
@click.option(
    "--methods",
    callback=_parse_methods,
    default="fisher,fisher-kwon,magnitude,random",
    show_default=True,
    metavar="NAME,...",
    help="As --method of extract models build.",
)
@click.option(
    "--shares",
    callback=_parse_shares,
    default="20,25,30,50",
    show_default=True,
    metavar="N,...",
    help="Per cent to be removed.",
)
@click.option(
    "--seeds",
    callback=_parse_seeds,
    default="0,1,2",
    show_default=True,
    metavar="N,...",
    help="Methods that look at the weights alone draw no lot and are built once.",
)
@click.option("--int8/--no-int8", default=None, help="Only in int8, or only in fp32.  [default: both]")
@click.option(
    "--split",
    type=click.Choice(["dev", "test"]),
    default="dev",
    show_default=True,
    help="What is scored on. Choose by dev; test is for what is chosen.",
)
@click.option("--speed", is_flag=True, help="Time each model in turns with the dense one.")
@click.option("--keep", is_flag=True, help="Keep each model as a bundle, in bundles/ of the sweep's folder.")
@click.option(
    "--steps", type=click.IntRange(min=1), help="Rounds of pruning, of every method.  [default: the method's]"
)
@pruning_options
@distilling_options
@min_score_option
@figures_option
def _sweep(
    checkpoint: str,
    data: str,
    target: str,
    methods: tuple[str, ...],
    shares: tuple[int, ...],
    seeds: tuple[int, ...],
    int8: bool | None,
    split: str,
    speed: bool,
    keep: bool,
    min_score: float,
    figures: Path | None,
    as_json: bool,
    **changes: Any,
) -> None:
    """Make and judge many small models of one checkpoint: methods by shares by seeds.

    Each model's row is added to results.jsonl in the sweep's folder as soon as it is there; the same command
    goes on where it was interrupted, and more methods, shares and seeds may be added to it later. The dense
    model, in fp32 and int8, is scored too.
    """
    try:
        from compress.sweeping.plan import Changes, SweepConfig
        from compress.sweeping.sweep import sweep
    except ModuleNotFoundError as exc:
        raise click.ClickException(f"{exc.name} is not installed; {MISSING_EXTRA}") from exc
    prepare_figures(figures)
    reader = take_reader(changes, seed=0)
    if split == "test":
        echo_note("scoring on test: what is chosen by these scores has no test any more")
    config = SweepConfig(
        checkpoint=checkpoint,
        data=Path(data),
        target=Path(target),
        methods=methods,
        shares=shares,
        seeds=seeds,
        precisions=(False, True) if int8 is None else (int8,),
        split="test" if split == "test" else "dev",
        speed=speed,
        keep=keep,
        changes=Changes(**changes),
        reader=reader,
        min_score=min_score,
    )
    found = sweep(config, report=echo_note)
    if figures is not None:
        from compress.figures import write_sweep_figures

        tell_figures(write_sweep_figures(found.rows, figures))
    _tell(found, target, as_json=as_json)


def _tell(found: Sweep, target: str, *, as_json: bool) -> None:
    from compress.sweeping.summary import summarise, summary_table

    groups = summarise(found.rows)
    impossible = [
        {"method": cell.method, "share": cell.share / 100, "seed": cell.seed, "reason": reason}
        for cell, reason in found.impossible
    ]
    if as_json:
        rows = [{"name": row.name, **row.to_dict()} for row in found.rows]
        summary = [group.to_dict() for group in groups]
        echo_json(
            {"target": target, **found.about, "rows": rows, "summary": summary, "impossible": impossible}
        )
        return
    about = found.about
    title = (
        f"{len(found.rows)} models of {about['checkpoint']} on {about['sentences']:,} sentences with "
        f"{about['entities']:,} entities of {about['scored_on']} ({about['split']})"
    )
    echo_table(title, *summary_table(groups), left=(0, 2))
    for entry in impossible:
        echo_note(f"left out: {entry['method']}, {entry['share']:.0%}: {entry['reason']}")


sweep = command(
    "sweep",
    example="extract models sweep --from checkpoint --data endpoints --to sweep --speed\n"
    "extract models sweep --from checkpoint --data endpoints --to sweep2 --methods fisher,l1 --shares 25,50"
    " --seeds 0,1,2 --int8",
)(_sweep)
