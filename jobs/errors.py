"""Responsible for what can stop a job, as a branch of the tree in :mod:`extract.errors`.

::

    ExtractError
    └── JobError
        ├── InputMissing         an input that is not there, or stands for nothing
        ├── InputConflict        two inputs of one name and different content
        ├── SettingsMismatch     an output made with another model or other settings
        ├── OutputUnwritable     the output folder cannot be made or written
        ├── OutputBroken         writing failed half-way: disk full, I/O error
        ├── TooManyQuarantined   more bad input than allowed
        ├── ProgramFault         a shard whose records all fail alike: no record is to blame
        ├── ClusterLost          scheduler or all workers gone; run again to continue
        ├── Stalled              nothing came back for too long; run again to continue
        ├── ModelUnavailable     a worker cannot open the model this run uses
        └── Interrupted          a signal asked to stop
"""

from __future__ import annotations

from extract.errors import ExtractError


class JobError(ExtractError):
    """Anything that stops a job."""


class InputMissing(JobError):
    """An input that is not there, or a pattern that stands for no file."""


class InputConflict(JobError):
    """Two inputs have one name and different content: one would replace the other."""


class SettingsMismatch(JobError):
    """The output was made with another model or other settings; ``got`` lists the differing fields."""


class OutputUnwritable(JobError):
    """The output folder cannot be made or written."""


class OutputBroken(JobError):
    """Writing to the output failed half-way: disk full, I/O error."""


class TooManyQuarantined(JobError):
    """More citations or files were unusable than allowed."""


class ProgramFault(JobError):
    """All records of a shard fail in the same manner: the program or the machine is at fault."""


class ClusterLost(JobError):
    """The scheduler or all workers are gone. What is committed stays; run again to continue."""


class Stalled(JobError):
    """Nothing came back for too long. What is committed stays; run again to continue."""


class ModelUnavailable(JobError):
    """A worker cannot open the model this run uses."""


class Interrupted(JobError):
    """A signal asked to stop. What is committed stays; run again to continue."""

    def __init__(self, signal_number: int, what: str = "interrupted", where: str = "") -> None:
        super().__init__(what, where, advice="run the same command again to continue")
        self.args = (signal_number, what, where)
        self.signal_number = signal_number
