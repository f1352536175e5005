"""Responsible for what is to be said of a run that came to its end with something left undone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from extract.errors import SourceError
from jobs.errors import JobError, ProgramFault, Stalled, TooManyQuarantined
from jobs.isolate import KILLS_WORKER
from jobs.words import counted


def complaint_of(refused: Sequence[SourceError], failed: Sequence[str]) -> JobError | None:
    """The error that a run ends with, or None where all is done.

    :param refused: inputs that could not be had or read.
    :param failed: why shards were given up, one reason each.
    """
    if failed:
        return _complain_of_shards(len(refused), failed)
    if refused:
        return _complain_of_inputs(refused)
    return None


def _complain_of_shards(n_refused: int, failed: Sequence[str]) -> JobError:
    told = f"{counted(len(failed), 'shard')} failed"
    if n_refused:
        told += f" and {counted(n_refused, 'input file')} refused"
    if all(reason.startswith(KILLS_WORKER) for reason in failed):
        return Stalled(told, got="workers that die", advice="run the same command again to continue")
    return ProgramFault(
        told,
        got=failed[-1],
        expected="shards whose records can be processed can be too",
        advice="everything else is committed; report this, then run the same command again",
    )


def _complain_of_inputs(refused: Sequence[SourceError]) -> JobError:
    names = sorted(Path(error.where).name for error in refused)
    return TooManyQuarantined(
        f"{counted(len(refused), 'input file')} refused",
        ", ".join(names[:3]) + (", ..." if len(names) > 3 else ""),
        refused[0].what if len(refused) == 1 else "",
        advice="everything else is committed; repair the input and run the same command again",
    )
