"""Responsible for showing a tagged text: its pieces, and the page made of them.

The page is one file without script that loads nothing. Its text comes from anywhere, so it all goes through
Jinja's autoescape, and characters that a reader cannot see or that turn text round are spelt out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from extract.endpoints import EndpointRecord, Part
from extract.tagged_text import TaggedText

N_COLOURS = 6
"""How many kinds of labels look different; more share a colour, and each has its name beside it."""

_TEMPLATES = Path(__file__).parent / "templates"
_KEPT = "\n\t"
_COLUMNS = ("endpoint", "measure", "value", "interval", "level", "landmark", "group", "flags")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text: an entity, or what is between two."""

    text: str
    """Ready to be shown: nothing in it acts on a terminal."""
    label: str = ""
    """Empty where it is no entity."""
    score: float = 0.0
    colour: int = 0
    """0 to :data:`N_COLOURS` - 1; labels with one beginning (``OS``, ``OS_CIL``) share it."""


def iter_pieces(tagged: TaggedText, labels: Sequence[str]) -> Iterator[Piece]:
    """The whole text in order.

    :param labels: those of the model; their order decides the colours.
    """
    families = list(dict.fromkeys(label.partition("_")[0] for label in labels))
    at = 0
    for found in tagged.mentions:
        if found.start > at:
            yield Piece(visible(tagged.text[at : found.start]))
        colour = families.index(found.label.partition("_")[0]) % N_COLOURS
        yield Piece(visible(tagged.text[found.start : found.end]), found.label, found.score, colour)
        at = found.end
    if at < len(tagged.text):
        yield Piece(visible(tagged.text[at:]))


def visible(text: str) -> str:
    """The text with line breaks and tabs as they are, and all else that is not printed spelt out."""
    text = text.replace("\r\n", "\n")
    return "".join(char if char.isprintable() or char in _KEPT else repr(char)[1:-1] for char in text)


def render_tagged(tagged: TaggedText, labels: Sequence[str]) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    rows = [
        _row(tagged.text[sentence.start : sentence.end], record)
        for sentence, record in tagged.iter_endpoints()
    ]
    return environment.get_template("tag.html.j2").render(
        model=visible(tagged.model), pieces=list(iter_pieces(tagged, labels)), columns=_COLUMNS, rows=rows
    )


def _row(sentence: str, record: EndpointRecord) -> tuple[str, ...]:
    """A record as cells of the page's table."""
    interval = f"{_number(record.lower)} to {_number(record.upper)}" if record.lower or record.upper else ""
    return (
        record.endpoint,
        record.measure,
        _number(record.value, with_unit=True),
        interval,
        f"{record.level.percent:g} %" if record.level else "",
        _number(record.landmark, with_unit=True) if record.landmark else "",
        visible(sentence[slice(*record.group)]) if record.group else "",
        ", ".join(record.flags),
    )


def _number(part: Part | None, *, with_unit: bool = False) -> str:
    """A number as it is in the table: in months or per cent."""
    if part is None:
        return "-"
    if part.value is None:
        return part.state.replace("_", " ")
    unit = " %" if part.unit == "percent" else " months"
    return f"{part.value:g}{unit if with_unit else ''}"
