"""Responsible for what an error looks like from outside: one line and an exit code."""

from __future__ import annotations

import errno

import click

from cluster.errors import ClusterError, ClusterMismatch, ClusterRefused
from extract.errors import (
    BundleError,
    ExtractError,
    NotAnOutput,
    OutputError,
    StoreError,
    StoreRefused,
    UnknownModel,
)
from jobs.errors import (
    ClusterLost,
    InputConflict,
    InputMissing,
    Interrupted,
    ModelUnavailable,
    OutputBroken,
    OutputUnwritable,
    ProgramFault,
    SettingsMismatch,
    Stalled,
    TooManyQuarantined,
)

USAGE = 2
INTERNAL = 70

# First match wins, so narrow classes stand before the classes they derive from.
EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (click.ClickException, USAGE),
    (InputMissing, USAGE),
    (InputConflict, USAGE),
    (UnknownModel, USAGE),
    (TooManyQuarantined, 65),
    (ProgramFault, INTERNAL),
    (OutputUnwritable, 73),
    (OutputBroken, 74),
    (StoreRefused, 73),
    (StoreError, 74),
    (ClusterLost, 75),
    (Stalled, 75),
    (ClusterRefused, USAGE),
    (ClusterMismatch, 78),
    (ClusterError, 75),
    (BundleError, 78),
    (SettingsMismatch, 78),
    (ModelUnavailable, 78),
    (NotAnOutput, USAGE),
    (OutputError, 74),
    (click.Abort, 130),
    (ExtractError, USAGE),
)


def exit_code_of(error: BaseException) -> int:
    """The exit code of the contract that this error stands for."""
    if isinstance(error, Interrupted):
        return 128 + error.signal_number
    if isinstance(error, OSError):
        return 74 if error.errno in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG) else 73
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), INTERNAL)


def line_of(error: BaseException) -> str:
    """What to tell: one line, whatever the message holds."""
    if isinstance(error, click.ClickException):
        text = error.format_message()
        context = getattr(error, "ctx", None)
        text += f"; see {context.command_path} --help" if context is not None else ""
    elif isinstance(error, click.Abort):
        text = "interrupted"
    elif isinstance(error, (ExtractError, ClusterError)):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}; run again with --debug for the traceback"
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """The text without characters that a terminal would act on."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
