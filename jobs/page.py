"""Responsible for the report as a web page: one file, no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from jobs.durable import put_over

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Runs</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 0 0 2rem }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
th:first-child, td:first-child { text-align: left }
</style></head><body>
"""


def write_page(path: Path, runs: Sequence[Mapping[str, Any]], models: Sequence[Mapping[str, Any]]) -> None:
    """Write the runs and the models of an output as a page; values that are tables themselves are left out.

    :raises OutputUnwritable: when it cannot be written.
    """
    body = "".join(
        f"<h1>{title}</h1>{_table(rows)}" for title, rows in (("Models", models), ("Runs", runs)) if rows
    )
    put_over(path, f"{_HEAD}{body}</body></html>\n".encode())


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = [name for name, value in rows[0].items() if not isinstance(value, (dict, list))]
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in names)
    lines = ("".join(f"<td>{_cell(row[name])}</td>" for name in names) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: Any) -> str:
    if value is None:
        return "&ndash;"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value), quote=True)
