"""Responsible for which files a run's inputs stand for, and which of them cannot be had."""

from __future__ import annotations

from extract import reasons
from extract.errors import SourceError
from extract.inputs import find_all
from extract.place import Place
from extract.remote import Location
from jobs.errors import InputMissing


def find_paths(
    inputs: tuple[str, ...], out: Place | None = None
) -> tuple[list[Location], tuple[SourceError, ...]]:
    """The input files, and why others cannot be had; what lies in the output is none, even if that lies in
    an input folder.

    :raises InputMissing: when an argument stands for no file, or none of them can be had.
    """
    try:
        found = find_all(inputs)
        missing = [error for error in found.refused if error.what == reasons.MISSING]
        if missing and len(missing) == len(found.refused) and not found.locations:
            raise missing[0]
    except SourceError as exc:
        advice = exc.advice or "check the path"
        raise InputMissing("no such input", exc.where, exc.got, exc.expected, advice) from exc
    own = () if out is None else (str(out.absolute()).rstrip("/") + "/",)
    return [path for path in found.locations if not str(path).startswith(own)], found.refused
