"""Responsible for `extract verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jobs.cli.failure import printable
from jobs.cli.group import command
from jobs.cli.output import echo_json, echo_note
from jobs.cli.place import OUTPUT
from jobs.words import counted

if TYPE_CHECKING:
    from extract.place import Place


@command("verify", example="extract verify out")
@click.argument("folder", type=OUTPUT, metavar="DIR")
@click.option("--repair", is_flag=True, help="Withdraw what is broken, so that the next run does it again.")
def verify(folder: Place, repair: bool, as_json: bool) -> int:
    """Check every committed file and row of the output DIR again; exit 1 names what is broken."""
    from extract.commits import commit_paths, require_output
    from jobs.commit import withdraw
    from jobs.verify import iter_problems

    require_output(folder)
    n_shards = len(commit_paths(folder))
    problems = list(iter_problems(folder))
    if repair:
        for shard in {problem.shard for problem in problems if problem.shard}:
            withdraw(folder, shard)
    if as_json:
        rows = [
            {"shard": problem.shard, "where": problem.where, "what": problem.what} for problem in problems
        ]
        echo_json({"shards": n_shards, "problems": rows, "repaired": repair})
    else:
        for problem in problems:
            click.echo(printable(str(problem)))
        click.echo(f"{counted(n_shards, 'shard')} checked, {counted(len(problems), 'problem')}")
    if any(problem.shard for problem in problems):
        again = "the next run does it again"
        echo_note(f"withdrawn; {again}" if repair else f"--repair withdraws what is broken; {again}")
    return 1 if problems else 0
