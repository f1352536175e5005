"""Responsible for ``--figures`` of the commands that compare models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from jobs.cli.output import echo_note

figures_option = click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write figures into this folder, PNG and SVG.",
)
MISSING = "figures are drawn with the extra package: pip install 'extraction-runner[figures]'"


def prepare_figures(folder: Path | None) -> None:
    """Find out before minutes of measuring whether figures can be drawn and where they go can be written.

    :raises click.ClickException: they cannot.
    """
    if folder is None:
        return
    try:
        import compress.figures  # noqa: F401
    except ModuleNotFoundError as exc:
        raise click.ClickException(f"{exc.name} is not installed; {MISSING}") from exc
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise click.ClickException(f"{folder}: {exc.strerror}; name another folder for the figures") from exc


def tell_figures(paths: Sequence[Path]) -> None:
    """Say which figures were written."""
    names = sorted({path.stem for path in paths})
    echo_note(f"figures in {paths[0].parent}: {', '.join(names)}")
