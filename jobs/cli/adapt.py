"""Responsible for ``extract models adapt``."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.device import device_option
from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table
from jobs.cli.step_bar import StepBar

if TYPE_CHECKING:
    from compress.adaptation.adapt import AdaptResult
    from compress.adaptation.pretrain import Check

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.option(
    "--base", required=True, help="BERT, DistilBERT or RoBERTa checkpoint: folder, hub id, or minilm."
)
@click.option(
    "--text",
    required=True,
    multiple=True,
    type=_FILE,
    help="JSON Lines with doc and paragraphs, an input of a run, or plain text (.txt); repeatable.",
)
@click.option("--to", "target", required=True, type=click.Path(path_type=Path), help="New checkpoint folder.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the text.  [default: 1]")
@click.option("--tokens", type=click.IntRange(1), help="Train on about so many tokens instead.")
@click.option("--batch-tokens", type=click.IntRange(16), help="Tokens a step, at most.  [default: 4096]")
@click.option("--max-tokens", type=click.IntRange(16), help="Longest sequence in tokens.  [default: 128]")
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Highest learning rate.  [default: 5e-4]"
)
@click.option("--dropout", type=click.FloatRange(0, 1, max_open=True), help="While training.  [default: 0]")
@click.option(
    "--masked-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of the tokens to be guessed.  [default: 0.15]",
)
@click.option(
    "--checks",
    type=click.IntRange(1),
    help="How often the held-out text is asked and the state is written.  [default: 20]",
)
@device_option()
@click.option("--seed", type=click.IntRange(0), help="Same seed, same model on one machine.  [default: 0]")
@click.option(
    "--bf16/--no-bf16", default=None, help="Compute in bfloat16.  [default: where the processor has it]"
)
@click.option(
    "--vocab-size", type=click.IntRange(1), help="Trim a WordPiece vocabulary to about so many pieces."
)
@click.option(
    "--sample-text", type=_FILE, help="Plain text to choose those pieces by.  [default: the text itself]"
)
@click.option(
    "--keep",
    multiple=True,
    type=_FILE,
    help="Annotated file that the model will learn from: its sentences' pieces are all kept; repeatable.",
)
def _adapt(
    base: str,
    text: tuple[Path, ...],
    target: Path,
    vocab_size: int | None,
    sample_text: Path | None,
    keep: tuple[Path, ...],
    device: str,
    as_json: bool,
    **recipe: Any,
) -> None:
    """Train an encoder on, on unlabelled text of a field, before it is fine-tuned.

    Words and numbers are hidden as a whole, and the encoder learns to guess them. A hundredth of the
    documents is held out to measure by. What comes out is a checkpoint for `extract models train --base`.
    Interrupted, it goes on when the same command is run again. Beside the checkpoint lies a record of it:
    settings, log, losses and shares guessed, curves.
    """
    from compress.adaptation.adapt import AdaptConfig, adapt
    from compress.adaptation.pretrain import PretrainConfig
    from compress.device import pick_device

    if recipe["epochs"] is not None and recipe["tokens"] is not None:
        raise click.UsageError("give --epochs or --tokens, not both")
    given = {name: value for name, value in recipe.items() if value is not None}
    settings = replace(PretrainConfig(device=pick_device(device)), **given)
    config = AdaptConfig(base, text, target, vocab_size, sample_text, keep, settings)
    with _Display("adapting") as display:
        result = adapt(config, report=echo_note, on_step=display.step, on_check=display.check)
    _echo(target, result, as_json)


adapt = command(
    "adapt",
    example="extract models adapt --base minilm --text articles.jsonl.gz --vocab-size 16000 --to ./adapted",
)(_adapt)


class _Display(StepBar):
    """A progress bar on stderr, where that is a terminal, and a line a check."""

    def step(self, progress: Any) -> None:
        self.move(progress, f"loss {progress.loss:.4f}, {progress.tokens_per_second:,.0f} tokens/s")

    def check(self, check: Check) -> None:
        from compress.adaptation.record import line_of_check

        self.tell(line_of_check(check))


def _echo(target: Path, result: AdaptResult, as_json: bool) -> None:
    before, after = result.checks[0], result.checks[-1]
    if as_json:
        echo_json({"path": str(target), "before": asdict(before), "after": asdict(after)})
        return
    rows = [
        (name, f"{check.held_out_loss:.4f}", f"{check.accuracy:.3f}", _share(check.number_accuracy))
        for name, check in (("before", before), ("after", after))
    ]
    title = f"{target}: {after.tokens:,} tokens, on held-out text"
    echo_table(title, ("", "loss", "guessed", "numbers guessed"), rows)


def _share(value: float | None) -> str:
    return "none hidden" if value is None else f"{value:.3f}"
