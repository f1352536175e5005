"""Responsible for ``extract models gate``."""

from __future__ import annotations

from pathlib import Path

import click

from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.argument("name", metavar="BUNDLE")
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder with train (learned from), dev and test files (measured on).",
)
@click.option("--also", multiple=True, type=_FILE, help="Another annotated file to learn from; repeatable.")
@click.option(
    "--text",
    multiple=True,
    type=_FILE,
    help="Unlabelled text with the documents of the labelled sentences among others; repeatable.",
)
@click.option("--words", type=_FILE, help="Words of the domain and of its entities, known beforehand.")
@click.option("--judged", type=_FILE, help="Finds in the unlabelled text that a person has judged.")
@click.option("--to", "target", type=click.Path(path_type=Path), help="Make a gated copy in this new folder.")
@click.option("--no-domain", is_flag=True, help="Gate sentences only, whatever their citation.")
@click.option(
    "--text-sentences",
    type=click.IntRange(1),
    default=30_000,
    show_default=True,
    help="Unlabelled sentences that the model tags to measure what the gate loses.",
)
def _gate(
    name: str,
    data: Path,
    also: tuple[Path, ...],
    text: tuple[Path, ...],
    words: Path | None,
    judged: Path | None,
    target: Path | None,
    no_domain: bool,
    text_sentences: int,
    as_json: bool,
) -> None:
    """Give a model a gate: which citations and sentences it need not see.

    BUNDLE is a variant name or a bundle folder. The gate is learned from annotated sentences and unlabelled
    text; what it loses is measured, and stands in gate.json.
    """
    from compress.gating.gate import GateConfig, build_gate
    from extract.gate import open_gate
    from extract.registry import find_bundle

    config = GateConfig(
        bundle=find_bundle(name),
        data_dir=data,
        text=text,
        also=also,
        words=words,
        judged=judged,
        target=target,
        with_domain=not no_domain,
        text_sentences=text_sentences,
    )
    bundle = build_gate(config, report=echo_note)
    gate = open_gate(bundle)
    measured = gate.terms.measured if gate else {}
    if as_json:
        echo_json({"name": bundle.name, "sha256": bundle.sha256, "path": str(bundle.path), **measured})
        return
    click.echo(f"{bundle.name} with gate in {bundle.path}\nsha256 {bundle.sha256}")


gate = command(
    "gate",
    example="extract models gate pruned25-int8 --data endpoints --text articles.jsonl.gz --to models/gated",
)(_gate)
