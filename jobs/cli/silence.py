"""Responsible for ``extract models silence``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note, echo_table

if TYPE_CHECKING:
    from compress.gating.silence import FalseRate, Silence

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.argument("name", metavar="BUNDLE")
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, type=_FILE)
@click.option(
    "--outside",
    "words",
    metavar="WORDS",
    required=True,
    type=_FILE,
    help="Words of the field; a citation outside it holds none. A file as for `models gate --words`.",
)
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every sentence with a false entity, as JSON Lines.",
)
def _silence(name: str, inputs: tuple[Path, ...], words: Path, errors: Path | None, as_json: bool) -> None:
    """Count what a model finds outside its field, with its gate and without.

    BUNDLE is a variant name or a bundle folder. Whatever is found in a citation whose title, abstract and
    MeSH headings hold no word of the field is false.
    """
    from compress.gating.outside import read_outside
    from compress.gating.silence import measure_silence
    from extract.bundle import open_bundle
    from extract.gate import open_gate
    from extract.registry import find_bundle
    from extract.tagger import open_tagger

    bundle = open_bundle(find_bundle(name))
    silence = measure_silence(open_tagger(bundle), open_gate(bundle), inputs, read_outside(words))
    if errors is not None:
        _write(errors, silence)
    if as_json:
        echo_json({"model": bundle.name, **silence.to_dict()})
        return
    rows = [_row("gate off", silence.gate_off)]
    rows += [] if silence.gate_on is None else [_row("gate on", silence.gate_on)]
    title = f"{bundle.name}: {silence.outside:,} of {silence.citations:,} citations are outside the field"
    columns = ("", "sentences with a false entity", "per 1,000 citations", "at most (95 %)", "entities")
    echo_table(title, columns, rows)


def _row(name: str, rate: FalseRate) -> tuple[str, ...]:
    numbers = (f"{rate.per_1000:.2f}", f"{rate.per_1000_at_most:.2f}")
    return (name, str(rate.sentences), *numbers, str(rate.entities))


def _write(path: Path, silence: Silence) -> None:
    from extract.errors import OutputError

    lines = [json.dumps(asdict(find), ensure_ascii=False) + "\n" for find in silence.finds]
    try:
        path.write_text("".join(lines), "utf-8")
    except OSError as exc:
        raise OutputError("cannot be written", str(path), str(exc)) from exc
    echo_note(f"{len(lines)} sentences: {path}")


silence = command(
    "silence",
    example="extract models silence pruned25-int8 medline.xml.gz --outside gate-words.json",
)(_silence)
