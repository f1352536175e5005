"""Responsible for a sweep: many small models of one checkpoint, by method, share and seed, judged alike.

One process reads checkpoint and data once. A model's row is on the disk before the next one begins, so an
interrupted sweep goes on when it is called again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from compress.bases import name_of_base
from compress.checkpoint import read_checkpoint
from compress.data import Data, read_split
from compress.errors import BudgetError
from compress.sweeping.bench import Bench
from compress.sweeping.ledger import Ledger, open_ledger
from compress.sweeping.plan import DENSE_CELL, Cell, SweepConfig, identify, plan_cells
from compress.sweeping.results import DENSE, SweepRow

Report = Callable[[str], None]


@dataclass(frozen=True)
class Sweep:
    """What a sweep found."""

    about: dict[str, Any]
    """Checkpoint and data by name, the split, and how much was scored on."""
    rows: tuple[SweepRow, ...]
    """In the order in which they were found, those of earlier calls first."""
    impossible: tuple[tuple[Cell, str], ...]
    """Models that cannot be made, and why."""


def sweep(config: SweepConfig, report: Report = lambda line: None) -> Sweep:
    """Make and judge every model that is not there yet.

    :param report: told one line as each step begins or ends.
    :raises AnnotationError: there is no data, or it is wrong.
    :raises CompressError: checkpoint or data does not fit, the target holds something else, or none of the
        models can be made.
    """
    cells = [DENSE_CELL, *plan_cells(config)]
    data = read_split(config.data, config.split)
    report(f"reading {config.checkpoint}")
    model, tokenizer = read_checkpoint(config.checkpoint)
    bench = Bench(config, data, model, tokenizer)
    about = _about(config, data)
    with open_ledger(config.target, identify(config, data, model, tokenizer), about) as ledger:
        todo = [cell for cell in cells if _missing(config, cell, ledger)]
        there = len(cells) - len(todo)
        report(f"{len(todo)} models to make" + (f", {there} are there already" if there else ""))
        impossible = _run(config, bench, todo, ledger, report) if todo else []
        if impossible and all(row.method == DENSE for row in ledger.rows):
            raise BudgetError("none of the models can be made", "", impossible[0][1])
        return Sweep(about, tuple(ledger.rows), tuple(impossible))


def _about(config: SweepConfig, data: Data) -> dict[str, Any]:
    return {
        "checkpoint": name_of_base(config.checkpoint),
        "data": config.data.name,
        "split": config.split,
        "scored_on": data.held_out_path.name,
        "sentences": len(data.held_out),
        "entities": sum(len(sentence.entities) for sentence in data.held_out),
    }


def _run(
    config: SweepConfig, bench: Bench, cells: Sequence[Cell], ledger: Ledger, report: Report
) -> list[tuple[Cell, str]]:
    """Add the rows of these models to the ledger; those that cannot be made are given back."""
    impossible = []
    with TemporaryDirectory() as folder:
        report(f"scoring the dense model on {bench.data.held_out_path.name}")
        bench.open_dense(Path(folder))
        for number, cell in enumerate(cells, start=1):
            report(f"{number} of {len(cells)}: {cell}")
            try:
                made = bench.make(cell)
            except BudgetError as exc:
                report(f"left out: {exc}")
                impossible.append((cell, str(exc)))
                continue
            for int8 in _missing(config, cell, ledger):
                ledger.add(bench.judge(made, int8=int8))
                report(f"  {_line(ledger.rows[-1])}")
    return impossible


def _missing(config: SweepConfig, cell: Cell, ledger: Ledger) -> list[bool]:
    """The precisions in which a model is still wanted; the dense model is always there in fp32."""
    there = {row.key for row in ledger.rows}
    wanted = {*config.precisions, False} if cell == DENSE_CELL else {*config.precisions}
    return [int8 for int8 in sorted(wanted) if cell.key(int8=int8) not in there]


def _line(row: SweepRow) -> str:
    """A row as progress tells it."""
    pace = "" if row.speed_vs_dense is None else f", {row.speed_vs_dense:.2f} times as fast as dense"
    return f"{row.name}: F1 {row.f1:.4f}, {row.bytes / 1e6:.1f} MB{pace}, {row.build_seconds:.0f} s"
