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
    help="Write every error with its sentence, by kind: as JSON Lines to a name in .jsonl, else as text.",
)
@click.option(
    "--causes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Rules that tell an error's cause by the words around it, such as examples/endpoints/causes.json.",
)
def _evaluate(
    model: str, data: str, gated: bool, errors: Path | None, causes: Path | None, as_json: bool
) -> None:
    """Score a model on annotated sentences.

    Strict entity scores (seqeval, IOB2, micro average): an entity counts only with exact character bounds
    and label. With --gate, an entity in a sentence that the gate drops counts as missed.
    """
    from extract.annotations import labels_of, read_annotations
    from extract.bundle import open_bundle
    from extract.causes import count_by_label, name_causes, read_causes
    from extract.gate import open_gate
    from extract.mistakes import count_kinds, find_mistakes, write_mistakes
    from extract.registry import find_bundle
    from extract.score import find_mentions_in, score_mentions
    from extract.tagger import open_tagger

    bundle = open_bundle(find_bundle(model))
    sentences = read_annotations(data, report=echo_note)
    if unknown := set(labels_of(sentences)) - set(bundle.labels):
        echo_note(f"note: {bundle.name} does not know {', '.join(sorted(unknown))}: these count as missed")
    found = find_mentions_in(open_tagger(bundle), sentences, gate=open_gate(bundle) if gated else None)
    scores = score_mentions(sentences, found)
    mistakes = find_mistakes(sentences, found)
    if causes is not None:
        mistakes = name_causes(mistakes, read_causes(causes))
    if errors is not None:
        write_mistakes(errors, mistakes)
        counts = ", ".join(f"{count} {kind}" for kind, count in count_kinds(mistakes).items())
        echo_note(f"{counts}: {errors}")
    by_cause = count_by_label(mistakes) if causes is not None else {}
    if as_json:
        told = {"errors_by_cause": by_cause} if causes is not None else {}
        echo_json({"model": bundle.name, **scores.to_dict(), **told})
        return
    rows = [
        (label, f"{row.precision:.3f}", f"{row.recall:.3f}", f"{row.f1:.3f}", str(row.support))
        for label, row in scores.per_label.items()
    ]
    support = sum(row.support for row in scores.per_label.values())
    total = ("all", f"{scores.precision:.3f}", f"{scores.recall:.3f}", f"{scores.f1:.3f}", str(support))
    title = f"{bundle.name} on {scores.sentences} sentences, accuracy {scores.accuracy:.4f}"
    echo_table(title, ("label", "precision", "recall", "F1", "support"), [*rows, total])
    if causes is not None:
        _echo_causes(by_cause)


def _echo_causes(by_cause: dict[str, dict[str, int]]) -> None:
    rows = [
        (cause, str(sum(labels.values())), ", ".join(f"{label} {count}" for label, count in labels.items()))
        for cause, labels in by_cause.items()
    ]
    echo_table("errors by cause and label", ("cause", "errors", "labels"), rows, left=(0, 2))


evaluate = command("eval", example="extract eval --model pruned25-int8 --data test.jsonl")(_evaluate)
