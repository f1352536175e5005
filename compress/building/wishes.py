"""Responsible for refusing a build that cannot end well: before hours of work, not after them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compress.errors import BudgetError, DataError
from compress.pruning.methods.method import DEFAULT_METHOD, find_method
from extract.variants import Variant


def check_method(variant: Variant, method: str, time_share: float | None) -> None:
    """Whether a method can do what is asked of it, and whether anything is asked.

    :raises CompressError: there is no such method, time cannot be its budget, or nothing is to be taken out.
    """
    chosen = find_method(method)
    if time_share is not None:
        chosen.check_timed()
    if not variant.macs_removed and (time_share is not None or method != DEFAULT_METHOD):
        got = f"the method {method}" if time_share is None else f"{time_share:.0%} of the time"
        raise _nothing_out(variant, got)


def check_lesson(variant: Variant, method: str, text: Sequence[Path]) -> None:
    """Whether there is something to distil, and text to do it with.

    :raises CompressError: there is not.
    """
    if not variant.macs_removed:
        raise _nothing_out(variant, "a distillation")
    check_text(method, text)


def check_text(method: str, text: Sequence[Path]) -> None:
    """Whether what a method makes can be distilled, and there is text to do it with.

    :raises CompressError: it cannot, or there is not.
    """
    if not text:
        raise DataError("nothing to distil on", "", "no text", "unlabelled text", "name a file of it")
    if not find_method(method).structured:
        raise DataError(
            "distillation would fill the zeros again", method, "", "a structured method", "leave one out"
        )
    for path in text:
        if not path.is_file():
            got = "a folder" if path.is_dir() else "nothing there"
            raise DataError("text cannot be read", str(path), got, "a file of unlabelled text")


def _nothing_out(variant: Variant, got: str) -> BudgetError:
    expected = "a name like pruned50-int8"
    return BudgetError(
        "the variant takes nothing out", variant.name, got, expected, "leave it out or name another"
    )
