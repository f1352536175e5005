"""Responsible for the options of distilling that a build and a sweep share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.device import device_option
from jobs.cli.options import with_options

if TYPE_CHECKING:
    from compress.building.lesson import Reader

distilling_options = with_options(
    click.option(
        "--distill",
        "text",
        multiple=True,
        metavar="TEXT",
        help="Then learn from the dense model on the training sentences and this unlabelled text: JSON Lines,"
        " or any input of a run.",
    ),
    click.option(
        "--distill-epochs",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Times that all of it is read.",
    ),
    click.option(
        "--distill-sentences",
        type=click.IntRange(min=1),
        default=20_000,
        show_default=True,
        help="How much of the text is read.",
    ),
    click.option(
        "--distill-rate",
        type=click.FloatRange(min=0, min_open=True),
        default=1e-4,
        show_default=True,
        help="Highest learning rate of that.",
    ),
    device_option("distil"),
)
"""``--distill`` and what goes with it."""


def take_reader(options: dict[str, Any], *, seed: int) -> Reader | None:
    """Take these options out of a command's; None where no text was named."""
    from compress.building.lesson import Reader
    from compress.device import pick_device
    from compress.training.distil import DistilConfig

    names = ("text", "distill_epochs", "distill_sentences", "distill_rate", "device")
    text, epochs, sentences, rate, device = (options.pop(name) for name in names)
    if not text:
        return None
    settings = DistilConfig(epochs=epochs, rate=rate, seed=seed, device=pick_device(device))
    return Reader(tuple(map(Path, text)), sentences, settings)
