"""Responsible for the options of pruning that a build and a sweep share."""

from __future__ import annotations

import click

from jobs.cli.options import with_options

pruning_options = with_options(
    click.option(
        "--loss",
        type=click.Choice(["divergence", "labels"]),
        help="What importance is measured on.  [default: the method's]",
    ),
    click.option(
        "--reconstruct/--no-reconstruct",
        default=None,
        help="Solve the output weights anew after each round.  [default: the method's]",
    ),
    click.option(
        "--finetune-epochs",
        type=click.IntRange(min=0),
        help="Epochs on the labels and the dense model's answers afterwards.  [default: the method's]",
    ),
)
"""``--loss``, ``--reconstruct`` and ``--finetune-epochs``; None is what the method is known by."""

min_score_option = click.option(
    "--min-score",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Leave out less certain mentions.",
)
