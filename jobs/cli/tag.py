"""Responsible for ``extract tag``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from extract.registry import DEFAULT_MODEL
from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note

if TYPE_CHECKING:
    from extract.tagged_text import TaggedText
    from jobs.tag_page import Piece

_STYLES = ("green", "blue", "yellow", "magenta", "cyan", "red")


@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Variant name or bundle folder.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write a page with the text highlighted; - for standard output.",
)
@click.argument("text", default="-")
def _tag(model: str, html: str | None, text: str, as_json: bool) -> None:
    """Tag one text and highlight what was found. TEXT is the text itself, or - for standard input.

    Colours appear in a terminal only, and not where NO_COLOR is set. The text's own control characters are
    spelt out, so that it cannot act on the terminal.
    """
    from extract.tagged_text import load_tagger, tag_text

    if html == "-" and as_json:
        raise click.UsageError("--json and --html - both want standard output: give --html a file")
    tagger = load_tagger(model)
    tagged = tag_text(tagger, _read_stdin() if text == "-" else text)
    if html is not None:
        _write_page(html, tagged, tagger.bundle.labels)
    if as_json:
        echo_json(tagged.to_dict())
    elif html is None:
        from jobs.tag_page import iter_pieces

        _highlight(iter_pieces(tagged, tagger.bundle.labels))


def _read_stdin() -> str:
    if sys.stdin.isatty():
        echo_note("reading a text from the terminal; end it with Ctrl-D")
    data = sys.stdin.buffer.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        place = f"byte 0x{data[exc.start]:02x} at {exc.start}"
        raise click.UsageError(f"standard input is not UTF-8 text: got {place}") from exc


def _write_page(target: str, tagged: TaggedText, labels: tuple[str, ...]) -> None:
    from jobs.durable import put_over
    from jobs.tag_page import render_tagged

    page = render_tagged(tagged, labels)
    if target == "-":
        click.echo(page)
        return
    put_over(Path(target), page.encode("utf-8", "replace"))
    echo_note(f"{len(tagged.mentions):,} entities: {target}")


def _highlight(pieces: Iterable[Piece]) -> None:
    from rich.console import Console
    from rich.text import Text

    shown = Text()
    for piece in pieces:
        style = _STYLES[piece.colour]
        shown.append(piece.text, style=f"bold {style} underline" if piece.label else "")
        if piece.label:
            shown.append(f"[{piece.label}]", style=style)
    Console(soft_wrap=True).print(shown)


tag = command(
    "tag",
    example='extract tag "Median overall survival was 14.1 months (95% CI 11.2-17.8)."\n'
    "extract tag --html tagged.html - < abstract.txt",
)(_tag)
