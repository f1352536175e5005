"""Responsible for errors that arrive at the driver as what they were when a worker raised them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from extract.errors import ExtractError

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def call_portably(function: Callable[[Argument], Result], argument: Argument) -> Result:
    """Call ``function``; its errors leave behind what cannot be pickled.

    Dask pickles an error together with what caused it. A parser's error among the causes cannot be pickled,
    and the whole then arrives as a bare ``Exception``, whose type tells the driver nothing.
    """
    try:
        return function(argument)
    except ExtractError as error:
        failure = error
    failure.__cause__ = failure.__context__ = None
    raise failure.with_traceback(None)
