"""Responsible for ``extract models train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table

if TYPE_CHECKING:
    from compress.train import EpochScore, TrainResult

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.option(
    "--base", required=True, help="BERT, DistilBERT or RoBERTa checkpoint: folder, hub id, or minilm."
)
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder with train and dev files, or one annotated file.",
)
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="New checkpoint folder.")
@click.option("--also", multiple=True, type=_FILE, help="Another annotated file to train on; repeatable.")
@click.option(
    "--swaps", type=_FILE, help="Table of endpoint names: adds sentences with other names swapped in."
)
@click.option("--epochs", type=click.IntRange(1), help="Passes over the data.")
@click.option("--seed", type=int, help="Same seed, same model.")
@click.option(
    "--average-decay",
    type=click.FloatRange(0, 1, max_open=True),
    help="Keep a moving average of the weights; 0 keeps the weights themselves.  [default: 0.998]",
)
@click.option(
    "--attention-dropout", type=click.FloatRange(0, 1), help="Dropout of attention weights.  [default: 0]"
)
@click.option(
    "--vocab-size", type=click.IntRange(1), help="Trim a WordPiece vocabulary to about so many pieces."
)
@click.option("--sample-text", type=_FILE, help="Plain text of the field, to choose those pieces by.")
def _train(
    base: str,
    data: Path,
    target: Path,
    also: tuple[Path, ...],
    swaps: Path | None,
    epochs: int | None,
    seed: int | None,
    average_decay: float | None,
    attention_dropout: float | None,
    vocab_size: int | None,
    sample_text: Path | None,
    as_json: bool,
) -> None:
    """Fine-tune a token classifier on annotated sentences; the epoch that is best on dev is kept."""
    from compress.finetune import FinetuneConfig, finetune
    from compress.train import TrainConfig

    chosen: dict[str, Any] = {
        "epochs": epochs,
        "seed": seed,
        "average_decay": average_decay,
        "attention_dropout": attention_dropout,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    settings = replace(TrainConfig(), **given)
    config = FinetuneConfig(base, data, target, also, swaps, vocab_size, sample_text, train=settings)
    with _Display() as display:
        result = finetune(config, report=echo_note, on_step=display.step, on_epoch=display.epoch)
    _echo(target, result, as_json)


train = command(
    "train",
    example="extract models train --base minilm --data ./endpoints --also authored.jsonl --to ./dense",
)(_train)


class _Display:
    """A progress bar on stderr, where that is a terminal, and a line an epoch."""

    def __enter__(self) -> _Display:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} steps"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("training", total=None)
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def step(self, progress: Any) -> None:
        description = f"epoch {progress.epoch}, loss {progress.loss:.4f}"
        self._progress.update(
            self._task, completed=progress.step, total=progress.n_steps, description=description
        )

    def epoch(self, epoch: EpochScore) -> None:
        scores = epoch.scores
        dev = f", dev F1 {scores.f1:.4f} ({scores.precision:.3f}, {scores.recall:.3f})" if scores else ""
        self._progress.console.print(f"epoch {epoch.epoch}: loss {epoch.loss:.4f}{dev}", highlight=False)


def _echo(target: Path, result: TrainResult, as_json: bool) -> None:
    best = result.epochs[result.best_epoch - 1]
    if best.scores is None:  # finetune() always has dev data; the library's train() need not
        return
    if as_json:
        scores = {f"dev_{name}": value for name, value in best.scores.to_dict().items()}
        echo_json({"path": str(target), "best_epoch": best.epoch, "epochs": len(result.epochs), **scores})
        return
    rows = [
        (label, f"{row.precision:.3f}", f"{row.recall:.3f}", f"{row.f1:.3f}", str(row.support))
        for label, row in best.scores.per_label.items()
    ]
    total = ("all", f"{best.scores.precision:.3f}", f"{best.scores.recall:.3f}", f"{best.scores.f1:.3f}", "")
    title = f"{target}: epoch {best.epoch} of {len(result.epochs)}, on dev"
    echo_table(title, ("label", "precision", "recall", "F1", "support"), [*rows, total])
