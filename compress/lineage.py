"""Responsible for the record of how a checkpoint came to be: ``lineage.json`` beside its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.errors import CheckpointError

Step = Mapping[str, Any]
LINEAGE = "lineage.json"


def read_lineage(checkpoint: str | Path) -> tuple[Step, ...]:
    """Steps that made a checkpoint, oldest first. One that tells nothing is itself the first step.

    :raises CheckpointError: the record is there and cannot be read.
    """
    path = Path(checkpoint) / LINEAGE
    if not path.is_file():
        # The folder's name only: a record that is published names no path of the machine it was made on.
        return ({"step": "checkpoint", "name": Path(checkpoint).name},)
    try:
        return tuple(dict(step) for step in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as exc:
        raise CheckpointError(
            "unreadable record", str(path), str(exc), "a JSON list", "remove or mend it"
        ) from exc


def write_lineage(folder: Path, steps: Sequence[Step]) -> None:
    """Write the steps beside a checkpoint."""
    (folder / LINEAGE).write_text(
        json.dumps([dict(step) for step in steps], indent=1) + "\n", encoding="utf-8"
    )
