"""Responsible for what an adaptation leaves beside its checkpoint, in a folder that says when it began.

``settings.json``
    what was adapted, to what, how, and on which machine; known before the first step.
``log.txt``
    a line an event, with its time; an adaptation that went on after an interruption adds to it.
``checks.jsonl``
    training loss, and loss and shares guessed on held-out text, at every check.
``curves.svg``
    the same as a picture, drawn anew each time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from compress.adaptation.pretrain import Check
from compress.training.curves import draw_losses
from compress.training.record import add_line, describe_machine, open_folder, write_lines, write_text

_PREFIX = "adaptation-"


class AdaptRecord:
    """A folder that fills as an adaptation goes on."""

    def __init__(self, partial: Path, settings: Mapping[str, Any], checks: Sequence[Check] = ()) -> None:
        """:param checks: passed before, where the adaptation goes on."""
        self.folder = open_folder(partial, _PREFIX)
        self.checks = list(checks)
        about = json.dumps({**settings, "machine": describe_machine()}, indent=2)
        write_text(self.folder / "settings.json", about + "\n")
        self.note("began" if not checks else f"goes on after {checks[-1].tokens:,} tokens")

    def note(self, line: str) -> None:
        """Add an event to the log."""
        add_line(self.folder / "log.txt", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}")

    def add(self, check: Check) -> None:
        """Take in a check. All are written each time: what an interruption left half done is made good."""
        self.checks.append(check)
        self.note(line_of_check(check))
        write_lines(self.folder / "checks.jsonl", [asdict(one) for one in self.checks])
        write_text(self.folder / "curves.svg", draw_losses(self.checks, "adaptation"))


def line_of_check(check: Check) -> str:
    """A check in one line, for people."""
    loss = "" if check.loss is None else f"loss {check.loss:.4f}, "
    numbers = "" if check.number_accuracy is None else f", of numbers {check.number_accuracy:.3f}"
    return (
        f"{check.tokens:,} tokens: {loss}held out {check.held_out_loss:.4f}, "
        f"guessed {check.accuracy:.3f}{numbers}"
    )
