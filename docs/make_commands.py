"""Responsible for docs/commands.md: every command and option, as the program itself declares them.

python docs/make_commands.py            # writes docs/commands.md
python docs/make_commands.py --check    # exit 1 if it is out of date (tests/test_docs.py does the same)
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from jobs.cli import main

PAGE = Path(__file__).resolve().parent / "commands.md"
HEAD = """# Commands

Made by `python docs/make_commands.py` from the program itself; do not edit.

Every command works from any folder, prints its help with `--help`, and one JSON object on stdout with
`--json`; logs, notes and progress go to stderr. An error is one line on stderr. What the exit codes mean
stands in [the nightly job](nightly.md#exit-codes-and-what-to-do).
"""
EVERYWHERE = {"--json", "--debug", "--help"}


def iter_commands(group: click.Group, path: str = "extract") -> Iterator[tuple[str, click.Command]]:
    """Every command that is no group, with its words, in the order of ``--help``."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from iter_commands(command, f"{path} {name}")
        elif command is not None:
            yield f"{path} {name}", command


def render_page() -> str:
    commands = list(iter_commands(main))
    links = [f"[`{words}`](#{words.replace(' ', '-')})" for words, _ in commands]
    return "\n".join([HEAD, " · ".join(links), "", *(render_command(*command) for command in commands)])


def render_command(words: str, command: click.Command) -> str:
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    usage = " ".join([words, *map(render_argument, arguments), "[OPTION]..."])
    rows = [render_option(option) for option in options if not EVERYWHERE & {*option.opts}]
    table = ["| option | |", "|---|---|", *rows, ""] if rows else []
    example = re.sub(r"^\x08?\s*Example:\n", "", command.epilog or "")
    about = "\n".join(line for line in inspect.cleandoc(command.help or "").splitlines() if line != "\b")
    parts = [f"## {words}", "", f"`{usage}`", "", about, "", *table]
    return "\n".join([*parts, "```sh", *(line.strip() for line in example.splitlines()), "```", ""])


def render_argument(argument: click.Argument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return name if argument.required else f"[{name}]"


def render_option(option: click.Option) -> str:
    """A row of the table: names, what it takes, what it does, its default."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    takes = "" if option.is_flag else f" {option.metavar or takes_of(option)}"
    about = (option.help or "").replace("|", "\\|")
    default = f" [default: {option.default}]" if option.show_default else ""
    required = " Required." if option.required else ""
    return f"| {names}{takes} | {re.sub(' +', ' ', about)}{required}{default} |"


def takes_of(option: click.Option) -> str:
    """What stands behind the option's name."""
    if isinstance(option.type, click.Choice):
        return "\\|".join(map(str, option.type.choices))
    return {"integer": "N", "integer range": "N", "float": "X", "float range": "X", "path": "PATH"}.get(
        option.type.name, "TEXT"
    )


def run(arguments: list[str]) -> int:
    page = render_page()
    if arguments == ["--check"]:
        return int(not PAGE.exists() or PAGE.read_text("utf-8") != page)
    PAGE.write_text(page, "utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
