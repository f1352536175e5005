"""Responsible for the option that says where a training computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def device_option(what: str = "compute") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--device``; :func:`compress.device.pick_device` says what it comes to."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help=f"Where to {what}; auto: on a GPU where torch sees one.",
    )
