"""Responsible for ``extract models train``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.device import device_option
from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table, echo_text
from jobs.cli.step_bar import StepBar
from jobs.cli.teaching import take_negatives, take_teaching, teaching_options

if TYPE_CHECKING:
    from compress.training.train import EpochScore, TrainResult
    from compress.training.trials import Spread, Trials

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _parse_seeds(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Whole numbers with commas between, none twice."""
    if value is None:
        return None
    try:
        seeds = tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of whole numbers such as 1,2,3") from None
    if len(set(seeds)) < len(seeds) or min(seeds) < 0:
        raise click.BadParameter(f"{value!r} names one twice, or one below 0")
    return seeds


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
@click.option("--epochs", type=click.IntRange(1), help="Passes over the data.  [default: 8]")
@click.option(
    "--with-dev",
    is_flag=True,
    help="Learn from dev too, once all is chosen by it: the last epoch is kept, and nothing is scored.",
)
@click.option(
    "--patience", type=click.IntRange(1), help="Stop after so many epochs without a better F1 on dev."
)
@click.option("--batch-size", type=click.IntRange(1), help="Sentences a step.  [default: 16]")
@click.option(
    "--rate",
    "body_rate",
    type=click.FloatRange(0, min_open=True),
    help="Highest learning rate of the encoder.  [default: 1.5e-4]",
)
@click.option(
    "--head-rate",
    type=click.FloatRange(0, min_open=True),
    help="Highest learning rate of the new head.  [default: 1e-3]",
)
@click.option(
    "--rare-labels",
    metavar="POWER",
    type=click.FloatRange(0, 1),
    help="Let rare labels count more: 0.5 by the square root of how rare, 1 in full.  [default: 0]",
)
@device_option()
@click.option("--seed", type=click.IntRange(0), help="Same seed, same model on one machine.  [default: 0]")
@click.option(
    "--seeds",
    metavar="N,N,...",
    callback=_parse_seeds,
    help="Train once with each, such as 1,2,3, and tell the spread.",
)
@click.option(
    "--folds",
    "n_folds",
    type=click.IntRange(2),
    help="Cross-validate: so many trainings, each judged on other documents.",
)
@click.option(
    "--bf16/--no-bf16", default=None, help="Compute in bfloat16.  [default: where the processor has it]"
)
@click.option(
    "--max-tokens",
    type=click.IntRange(16),
    default=256,
    show_default=True,
    help="Longest window in tokens; longer sentences are read through several.",
)
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
@teaching_options
def _train(
    base: str,
    data: Path,
    target: Path,
    also: tuple[Path, ...],
    swaps: Path | None,
    seed: int | None,
    seeds: tuple[int, ...] | None,
    n_folds: int | None,
    vocab_size: int | None,
    sample_text: Path | None,
    max_tokens: int,
    with_dev: bool,
    device: str,
    as_json: bool,
    **recipe: Any,
) -> None:
    """Fine-tune a token classifier on annotated sentences; the epoch that is best on dev is kept.

    A training that was interrupted goes on when the same command is run again. Beside the checkpoint lies
    a record of it: settings, log, scores by epoch and label, curves, confusions and errors.

    With --negatives, sentences with numbers of citations outside the field are learnt too, as having no
    entity. With --teacher, fine-tuned checkpoints answer annotated sentences and those of --unlabelled
    text, and the student learns from their averaged answers too.

    With --seeds or --folds, one checkpoint a training is written into the folder, with what they come to:
    scores with their spread, and predictions for every document by a model that does not know it.
    """
    from compress.device import pick_device
    from compress.training.finetune import FinetuneConfig, finetune
    from compress.training.train import TrainConfig
    from compress.training.trials import run_trials

    if seeds is not None and seed is not None:
        raise click.UsageError("give --seed or --seeds, not both")
    if with_dev and (seeds is not None or n_folds is not None or recipe["patience"] is not None):
        raise click.UsageError("--with-dev leaves nothing to choose or to score by: settle the rest first")
    teaching = take_teaching(recipe)
    if teaching is not None and n_folds is not None:
        raise click.UsageError("--teacher with --folds: a teacher knows what would be held out")
    negatives = take_negatives(recipe)
    given = {name: value for name, value in recipe.items() if value is not None}
    settings = replace(TrainConfig(seed=seed or 0, device=pick_device(device)), **given)
    config = FinetuneConfig(
        base,
        data,
        target,
        also=also,
        swaps=swaps,
        vocab_size=vocab_size,
        sample_text=sample_text,
        max_tokens=max_tokens,
        with_dev=with_dev,
        negatives=negatives,
        teaching=teaching,
        train=settings,
    )
    with _Display("training") as display:
        told: Any = {"report": echo_note, "on_step": display.step, "on_epoch": display.epoch}
        if seeds is not None or n_folds is not None:
            trials = run_trials(config, seeds=seeds or (seed or 0,), n_folds=n_folds, **told)
        else:
            result = finetune(config, **told)
    if seeds is not None or n_folds is not None:
        _echo_trials(target, trials, as_json)
    else:
        _echo(target, result, as_json)


train = command(
    "train",
    example="extract models train --base minilm --data ./endpoints --also authored.jsonl --to ./dense",
)(_train)


class _Display(StepBar):
    """A progress bar on stderr, where that is a terminal, and a line an epoch."""

    def step(self, progress: Any) -> None:
        self.move(progress, f"epoch {progress.epoch}, loss {progress.loss:.4f}")

    def epoch(self, epoch: EpochScore) -> None:
        from compress.training.record import line_of_epoch

        self.tell(line_of_epoch(epoch))


def _echo(target: Path, result: TrainResult, as_json: bool) -> None:
    best = result.epochs[result.best_epoch - 1]
    if best.scores is None:
        told = {"path": str(target), "epochs": len(result.epochs)}
        echo_json(told) if as_json else echo_text(f"{target}: the last of {len(result.epochs)} epochs")
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


def _echo_trials(target: Path, trials: Trials, as_json: bool) -> None:
    if as_json:
        echo_json({"path": str(target), **trials.to_dict()})
        return
    judged_on = "the documents held out" if trials.out_of_fold else "dev"
    rows = [
        (
            trial.name,
            f"{trial.best_epoch} of {trial.epochs}",
            *(f"{value:.3f}" for value in (trial.scores.precision, trial.scores.recall, trial.scores.f1)),
        )
        for trial in trials.trials
    ]
    rows.append(("mean", "", *map(_spread, (trials.precision, trials.recall, trials.f1))))
    echo_table(f"{target}, on {judged_on}", ("model", "epoch", "precision", "recall", "F1"), rows)
    by_label = [(label, _spread(spread)) for label, spread in trials.per_label.items()]
    echo_table("by label", ("label", "F1"), by_label)
    for seed, scores in trials.out_of_fold.items():
        echo_text(f"seed {seed}: F1 {scores.f1:.4f} over all {scores.sentences:,} sentences, out of fold")


def _spread(spread: Spread) -> str:
    return f"{spread.mean:.3f}" + ("" if spread.spread is None else f" ± {spread.spread:.3f}")
