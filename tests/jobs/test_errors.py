"""Errors cross process borders as themselves: pickled and unpickled they say the same."""

from __future__ import annotations

import pickle
import signal

import pytest

from cluster.errors import ClusterRefused
from extract.errors import SourceError, StoreError, StoreRefused
from jobs import errors
from jobs.cli.failure import exit_code_of, line_of

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.JobError) and kind is not errors.Interrupted
]


@pytest.mark.parametrize("kind", KINDS)
def test_job_errors_survive_pickling(kind: type[errors.JobError]) -> None:
    error = kind("what", "where", "got", "expected", "advice")
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is kind
    assert str(back) == str(error) == "what in where: got got, expected expected; advice"


def test_interruption_survives_pickling() -> None:
    back = pickle.loads(pickle.dumps(errors.Interrupted(signal.SIGTERM)))
    assert (back.signal_number, exit_code_of(back)) == (15, 143)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InputMissing("x"), 2),
        (errors.TooManyQuarantined("x"), 65),
        (errors.OutputUnwritable("x"), 73),
        (errors.OutputBroken("x"), 74),
        (StoreRefused("x"), 73),
        (StoreError("x"), 74),
        (OSError(28, "No space left on device"), 74),
        (PermissionError(13, "Permission denied"), 73),
        (errors.ClusterLost("x"), 75),
        (errors.Stalled("x"), 75),
        (errors.SettingsMismatch("x"), 78),
        (errors.ModelUnavailable("x"), 78),
        (errors.Interrupted(signal.SIGINT), 130),
        (ClusterRefused("x"), 2),
        (SourceError("x"), 2),
        (ZeroDivisionError("x"), 70),
    ],
)
def test_every_error_has_the_exit_code_of_the_contract(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code


def test_hostile_message_stays_one_inert_line() -> None:
    line = line_of(SourceError("bad\nfile", "\x1b[31m<script>"))
    assert "\n" not in line
    assert "\x1b" not in line
