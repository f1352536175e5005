"""Responsible for how a command is found, declared and ended: one place for every command."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from jobs.cli.failure import exit_code_of, line_of


class LazyGroup(click.Group):
    """A group that imports the module of a command only when that command is wanted.

    ``commands_at`` maps a command's name to ``module:attribute``. Modules of commands import
    heavy packages inside the command's body, so that ``--help`` stays quick.
    """

    def __init__(self, *args: Any, commands_at: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands_at = dict(commands_at or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table, then those added otherwise."""
        there = [name for name, at in self.commands_at.items() if find_spec(at.partition(":")[0])]
        return [*there, *(name for name in super().list_commands(ctx) if name not in self.commands_at)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command by that name; its module is imported now."""
        if cmd_name not in self.list_commands(ctx) or cmd_name not in self.commands_at:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.commands_at[cmd_name].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> Any:  # type: ignore[override]
        """Run and end the process: any error becomes one line on stderr and the contract's exit code."""
        extra["standalone_mode"] = False
        arguments = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(arguments, **extra)
        except Exception as error:  # the one place that ends every command, whatever happened in it
            if "--debug" in arguments and not isinstance(error, click.ClickException):
                traceback.print_exception(error)
            click.echo(f"error: {line_of(error)}", err=True)
            sys.exit(exit_code_of(error))
        sys.exit(code if isinstance(code, int) else 0)


def command(name: str, *, example: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command: its ``--help`` ends with ``example``, and it takes ``--json`` and ``--debug``.

    The decorated function gets ``as_json: bool`` beside its own parameters. What it returns is the
    exit code when it is an ``int``, else ignored.
    """

    def declare(function: Callable[..., Any]) -> click.Command:
        as_json = click.option(
            "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, only that."
        )
        debug = click.option(
            "--debug", is_flag=True, expose_value=False, help="Show the traceback of an error."
        )
        lines = "\n".join(f"  {line}" for line in example.splitlines())
        declared = click.command(name, help=function.__doc__ or "", epilog=f"\b\nExample:\n{lines}")
        return declared(as_json(debug(function)))

    return declare
