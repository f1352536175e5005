"""Responsible for `extract diff`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from jobs.cli.failure import printable
from jobs.cli.group import command
from jobs.cli.output import echo_json

if TYPE_CHECKING:
    from jobs.compare import Change, Span

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@command("diff", example="extract diff out-dense out-int8\nextract diff out RUN_A RUN_B --json")
@click.argument("folders", nargs=-1, required=True, metavar="DIR_A DIR_B | DIR RUN_A RUN_B")
@click.option("--summary", is_flag=True, help="Only count the changes by kind and cause.")
def diff(folders: tuple[str, ...], summary: bool, as_json: bool) -> int:
    """Show entities added, removed and changed between two outputs or two runs; exit 1 if there are any."""
    from jobs.compare import iter_changes, open_sides

    counts: Counter[tuple[str, str]] = Counter()
    changes = []
    for change in iter_changes(*open_sides(folders)):
        counts[change.kind, change.cause] += 1
        if as_json and not summary:
            changes.append(change.to_dict())
        elif not summary:
            click.echo(printable(_line(change)))
    if as_json:
        totals = [{"kind": kind, "cause": cause, "count": n} for (kind, cause), n in sorted(counts.items())]
        echo_json({"changes": changes, "counts": totals})
    else:
        for (kind, cause), count in sorted(counts.items()):
            click.echo(f"{count:,} {kind}: {cause}")
        if not counts:
            click.echo("equal: no entity was added, removed or changed")
    return 1 if counts else 0


def _line(change: Change) -> str:
    shown = " -> ".join(_span(span) for span in (change.before, change.after) if span is not None)
    return f"{_SIGNS[change.kind]} {change.pmid or change.doc_id} {shown} ({change.cause})"


def _span(span: Span) -> str:
    return f"{span.field}[{span.start}:{span.end}] {span.label} {span.text!r}"
