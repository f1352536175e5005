"""Responsible for the comparison as a web page: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jobs import comparison_chart
from jobs.comparison_chart import scatter_of
from jobs.comparison_tables import corpus_table, footprint_table, label_table, pace_table, score_table
from jobs.durable import put_over

_TEMPLATES = Path(__file__).parent / "templates"

_INTERVALS = (
    "Intervals are of 2,000 draws of as many documents. Where the interval of a difference holds 0, these "
    "sentences cannot tell the two models apart."
)
_TIMES = (
    "One thread, tokenising and decoding included: each sentence alone, all in one call, and batches of 16, "
    "in milliseconds a sentence, in the order of the file and by length."
)
_MEMORY = (
    "Load is from no process to a model that answers. Private memory is what a worker has to itself beside a "
    "second one of the same model, shared what others map too; a second worker adds its own private memory."
)


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    text: str = ""


@dataclass(frozen=True)
class Page:
    """The whole page, as text that is not escaped yet."""

    title: str
    subtitle: str
    sections: Sequence[Section]


def write_comparison_page(told: Mapping[str, Any], path: Path) -> None:
    """Write what :func:`jobs.verdict.tell` told as a page.

    :raises OutputUnwritable: when the page cannot be written.
    """
    put_over(path, render_comparison(told).encode("utf-8", "replace"))


def render_comparison(told: Mapping[str, Any]) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("comparison.html.j2").render(
        page=build_page(told),
        scatter=scatter_of(told),
        chart=comparison_chart,
        tonight=told["runs_tonight"],
    )


def build_page(told: Mapping[str, Any]) -> Page:
    """The texts and tables of the page."""
    sections = [
        Section("On annotated sentences", *score_table(told), text=_INTERVALS),
        Section("Time", *pace_table(told), text=_TIMES),
        Section("Size, memory and start", *footprint_table(told), text=_MEMORY),
    ]
    first = next((row["corpus"] for row in told["rows"] if row["corpus"]), None)
    if first is not None:
        text = (
            f"{first['citations']:,} citations with {first['workers']} workers; pace, cost and the time for "
            "all of MEDLINE leave out the start and the end of the cluster."
        )
        sections.insert(0, Section("The whole job", *corpus_table(told), text=text))
    sections.append(Section("F1 by label", *label_table(told)))
    return Page(
        title="Variants side by side",
        subtitle=f"{told['sentences']:,} annotated sentences with {told['entities']:,} entities, "
        f"{told['repeats']} rounds in alternation; compared with {told['reference']}",
        sections=sections,
    )
