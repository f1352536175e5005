"""Responsible for ``extract tag``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from extract.registry import DEFAULT_MODEL
from jobs.cli.group import command
from jobs.cli.output import echo_json

if TYPE_CHECKING:
    from extract.records import Mention

_STYLES = ("green", "yellow", "magenta", "cyan", "blue", "red")


@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Variant name or bundle folder.")
@click.argument("text", default="-")
def _tag(model: str, text: str, as_json: bool) -> None:
    """Tag one text and highlight what was found. TEXT is the text itself, or - for standard input."""
    from extract.bundle import open_bundle
    from extract.records import Mention, Section
    from extract.registry import find_bundle
    from extract.sentences import split_sentences
    from extract.tagger import open_tagger

    if text == "-":
        text = sys.stdin.read()
    tagger = open_tagger(open_bundle(find_bundle(model)))
    sentences = split_sentences(text, [Section("text", 0, len(text))])
    tagged = tagger.tag([text[sentence.start : sentence.end] for sentence in sentences])
    mentions = [
        Mention(sentence.start + found.start, sentence.start + found.end, found.label, found.score)
        for sentence, row in zip(sentences, tagged.mentions, strict=True)
        for found in row
    ]
    if as_json:
        echo_json({"model": tagger.bundle.name, "text": text, "entities": list(_to_dicts(text, mentions))})
    else:
        _highlight(text, mentions, tagger.bundle.labels)


def _to_dicts(text: str, mentions: Iterable[Mention]) -> Iterable[dict[str, object]]:
    for mention in mentions:
        yield {
            "start": mention.start,
            "end": mention.end,
            "text": text[mention.start : mention.end],
            "label": mention.label,
            "score": round(mention.score, 4),
        }


def _highlight(text: str, mentions: Iterable[Mention], labels: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.text import Text

    shown = Text()
    at = 0
    for mention in mentions:
        style = _STYLES[labels.index(mention.label) % len(_STYLES)]
        shown.append(text[at : mention.start])
        shown.append(text[mention.start : mention.end], style=f"bold {style} underline")
        shown.append(f"[{mention.label}]", style=style)
        at = mention.end
    shown.append(text[at:])
    Console(soft_wrap=True).print(shown)


tag = command("tag", example='extract tag "Median overall survival was 14.1 months (95% CI 11.2-17.8)."')(
    _tag
)
