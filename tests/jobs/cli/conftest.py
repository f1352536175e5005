"""Fixtures of the commands that make models: a tiny base, and annotated rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def base(tmp_path: Path) -> str:
    """A checkpoint that can be trained."""
    from compress.checkpoint import write_checkpoint
    from tests.compress.conftest import build_model, build_tokenizer

    write_checkpoint(tmp_path / "base", build_model(), build_tokenizer())
    return str(tmp_path / "base")


def make_place(folder: Path, *names: str) -> Path:
    """The folder, with a checkpoint, and data files of these names to build from."""
    from compress.checkpoint import write_checkpoint
    from tests.compress.conftest import build_model, build_tokenizer, make_sentences

    write_checkpoint(folder / "checkpoint", build_model(), build_tokenizer())
    (folder / "data").mkdir()
    rows = [
        {
            "id": sentence.id,
            "text": sentence.text,
            "entities": [
                {"start": span.start, "end": span.end, "label": span.label} for span in sentence.entities
            ],
        }
        for sentence in make_sentences(12)
    ]
    for name in names:
        write_rows(folder, rows, name)
    return folder


def write_rows(place: Path, rows: list[dict[str, Any]], name: str = "train") -> None:
    """Annotated rows as the data file of a name."""
    (place / "data" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
