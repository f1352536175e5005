"""Responsible for ``extract eval``."""

from __future__ import annotations

from pathlib import Path

import click

from extract.registry import DEFAULT_MODEL
from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table


@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Variant name or bundle folder.")
@click.option("--data", required=True, help="Annotated file: JSONL, CoNLL/IOB2 or Label Studio JSON.")
@click.option(
    "--gate/--no-gate",
    "gated",
    default=False,
    help="Keep from the model what its gate drops by the sentence.  [default: no-gate]",
)
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every error with its sentence, by cause: as JSON Lines to a name in .jsonl, else as text.",
)
def _evaluate(model: str, data: str, gated: bool, errors: Path | None, as_json: bool) -> None:
    """Score a model on annotated sentences.

    Strict entity scores (seqeval, IOB2, micro average): an entity counts only with exact character bounds
    and label. With --gate, an entity in a sentence that the gate drops counts as missed.
    """
    from extract.annotations import labels_of, read_annotations
    from extract.bundle import open_bundle
    from extract.gate import open_gate
    from extract.mistakes import count_causes, find_mistakes, write_mistakes
    from extract.registry import find_bundle
    from extract.score import find_mentions_in, score_mentions
    from extract.tagger import open_tagger

    bundle = open_bundle(find_bundle(model))
    sentences = read_annotations(data, report=echo_note)
    if unknown := set(labels_of(sentences)) - set(bundle.labels):
        echo_note(f"note: {bundle.name} does not know {', '.join(sorted(unknown))}: these count as missed")
    found = find_mentions_in(open_tagger(bundle), sentences, gate=open_gate(bundle) if gated else None)
    scores = score_mentions(sentences, found)
    if errors is not None:
        mistakes = find_mistakes(sentences, found)
        write_mistakes(errors, mistakes)
        counts = ", ".join(f"{count} {cause}" for cause, count in count_causes(mistakes).items())
        echo_note(f"{counts}: {errors}")
    if as_json:
        echo_json({"model": bundle.name, **scores.to_dict()})
        return
    rows = [
        (label, f"{row.precision:.3f}", f"{row.recall:.3f}", f"{row.f1:.3f}", str(row.support))
        for label, row in scores.per_label.items()
    ]
    support = sum(row.support for row in scores.per_label.values())
    total = ("all", f"{scores.precision:.3f}", f"{scores.recall:.3f}", f"{scores.f1:.3f}", str(support))
    title = f"{bundle.name} on {scores.sentences} sentences, accuracy {scores.accuracy:.4f}"
    echo_table(title, ("label", "precision", "recall", "F1", "support"), [*rows, total])


evaluate = command("eval", example="extract eval --model pruned25-int8 --data test.jsonl")(_evaluate)
