"""Responsible for ``extract models build``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.distilling import distilling_options, take_reader
from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note
from jobs.cli.pruning import min_score_option, pruning_options

if TYPE_CHECKING:
    from extract.bundle import ModelBundle
    from extract.rules import MentionRules

MISSING_EXTRA = (
    "models are made with the extra packages: pip install torch==2.13.0 'extraction-runner[compress]'"
)

# Kept in step with compress.pruning.methods.method.METHODS by a test: help must not import torch.
METHOD_NAMES = (
    "fisher",
    "fisher-kwon",
    "loss-increase",
    "magnitude",
    "magnitude-l1",
    "random",
    "layers",
    "l1",
    "random-unstructured",
    "gmp",
)


@click.argument("name")
@click.option("--from", "checkpoint", required=True, help="Fine-tuned token classifier: folder or hub id.")
@click.option(
    "--data",
    required=True,
    help="Folder with train and test (or dev) files, or one annotated file: to calibrate and to score.",
)
@click.option("--to", "target", required=True, help="The new bundle's folder; must not exist.")
@click.option(
    "--method",
    type=click.Choice(METHOD_NAMES),
    default="fisher",
    show_default=True,
    help="How it is made smaller; docs/compression.md compares them.",
)
@click.option(
    "--time-share",
    type=click.FloatRange(0, 1, min_open=True),
    help="Take measured int8 time as the budget: the share of the dense model's that may remain. NAME then"
    " states the least MACs to go.",
)
@click.option(
    "--steps", type=click.IntRange(min=1), help="Rounds of pruning; 1 is one-shot.  [default: the method's]"
)
@pruning_options
@distilling_options
@min_score_option
@click.option(
    "--rules",
    metavar="FILE",
    help="What mentions look like, from `extract models rules`; `none` for no rules.  [default: read off the"
    " training data]",
)
@click.option("--seed", type=int, help="Which training sentences pruning looks at.  [default: 0]")
def _build(
    name: str,
    checkpoint: str,
    data: str,
    target: str,
    method: str,
    time_share: float | None,
    steps: int | None,
    loss: str | None,
    reconstruct: bool | None,
    finetune_epochs: int | None,
    min_score: float,
    rules: str | None,
    seed: int | None,
    as_json: bool,
    **distilling: Any,
) -> None:
    """Build a variant of a fine-tuned model: prune, quantise, write ONNX, score.

    NAME says what: dense, int8, prunedNN or prunedNN-int8, where NN is the per cent of the encoder's
    linear multiply-accumulates to remove.
    """
    try:
        from compress.building.build import BuildConfig, build
        from compress.pruning.methods.method import find_method
    except ModuleNotFoundError as exc:
        raise click.ClickException(f"{exc.name} is not installed; {MISSING_EXTRA}") from exc
    from jobs.cli.models import describe

    prune = find_method(method).configure(
        steps=steps, loss=loss, reconstruct=reconstruct, finetune_epochs=finetune_epochs, seed=seed
    )
    config = BuildConfig(
        name=name,
        checkpoint=checkpoint,
        data=Path(data),
        target=Path(target),
        method=method,
        prune=prune,
        time_share=time_share,
        reader=take_reader(distilling, seed=prune.seed),
        min_score=min_score,
        rules=_read_rules(rules),
    )
    bundle = build(config, report=echo_note)
    echo_json(describe(bundle)) if as_json else _show(bundle, target)


def _show(bundle: ModelBundle, target: str) -> None:
    scores = bundle.scores
    click.echo(
        f"{bundle.name}: F1 {scores['f1']:.4f} (dense {scores['f1_dense']:.4f}) on {scores['data']['name']}"
    )
    for failure in scores["promotion"]["failures"]:
        echo_note(f"not promoted: {failure}; extract run refuses it without --allow-ungated")
    click.echo(
        f"{bundle.n_bytes / 1e6:.1f} MB, {scores['tokens_per_second']:,} tokens/s on one thread, in {target}"
    )


def _read_rules(name: str | None) -> MentionRules | None:
    """None: to be read off the training data."""
    from compress.building.rules import read_rules
    from extract.rules import NO_RULES

    if name is None:
        return None
    return NO_RULES if name == "none" else read_rules(Path(name))


build = command(
    "build",
    example="extract models build pruned25-int8 --from checkpoint --data endpoints --to models/pruned25-int8",
)(_build)
