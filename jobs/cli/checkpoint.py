"""Responsible for a PyTorch checkpoint among the models of ``extract models compare``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from jobs.cli.build import MISSING_EXTRA
from jobs.entrant import Entrant
from jobs.model import LoadedModel

PREFIX = "torch:"


@dataclass(frozen=True, slots=True)
class CheckpointSource:
    """A checkpoint folder that a process can open as a model."""

    path: Path
    name: str
    sha256: str
    has_gate: bool = False

    def open(self) -> LoadedModel:
        from compress.reference import open_checkpoint

        return LoadedModel(open_checkpoint(self.path), None)


def find_checkpoint(name: str) -> Entrant:
    """The checkpoint that ``torch:FOLDER`` stands for; `extract run` cannot use it.

    :raises ExtractError: when it is none.
    """
    path = name.removeprefix(PREFIX)
    if not Path(path).is_dir():
        raise click.UsageError(f"{name}: {path!r} is no checkpoint folder")
    try:
        from compress import reference
    except ModuleNotFoundError as exc:
        raise click.ClickException(f"{exc.name} is not installed; {MISSING_EXTRA}") from exc
    found = reference.find_checkpoint(path)
    source = CheckpointSource(found.path, f"{PREFIX}{found.path.name}", found.sha256)
    sizes = found.heads_per_layer, found.neurons_per_layer
    return Entrant(name, source, found.labels, found.n_bytes, *sizes, is_job_model=False)
