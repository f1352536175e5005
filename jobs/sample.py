"""Responsible for the sample that a plan is made from: slices of inputs, and how many citations there are.

Few or small inputs are read whole, and their citations counted. Of many, three are read and the rest is
estimated by size: the files of a MEDLINE baseline are much alike.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from extract.errors import SourceError
from extract.slices import Slice
from extract.source import SourceFile, check_source
from jobs.errors import InputMissing

SLICE_RECORDS = 200
COUNT_ALL_BYTES = 32 << 20
"""Inputs of no more than this size together are all read."""
FILES_OF_MANY = 3


@dataclass(frozen=True, slots=True)
class SampleSlice:
    """A slice to measure."""

    path: Path
    source: SourceFile
    piece: Slice


@dataclass(frozen=True)
class Sample:
    """What is known of the inputs."""

    n_files: int
    n_bytes: int
    """Of all inputs, on disk."""
    n_citations: int
    """In all inputs; an estimate unless ``exact``."""
    exact: bool
    check_seconds_per_byte: float
    """Time to read an input from end to end once, as every run does before it commits anything of it."""
    slices: tuple[SampleSlice, ...]
    """At least one, spread over the files that were read."""


def read_sample(paths: Sequence[Path], *, n_slices: int) -> Sample:
    """Read enough of the inputs to plan with.

    :raises InputMissing: when no input holds a citation.
    """
    sizes = [path.stat().st_size for path in paths]
    exact = sum(sizes) <= COUNT_ALL_BYTES or len(paths) <= FILES_OF_MANY
    chosen = list(paths) if exact else [paths[number] for number in _spread(len(paths), FILES_OF_MANY)]
    started = time.process_time()
    checked = [(path, source) for path in chosen if (source := _checked(path)) is not None]
    seconds = time.process_time() - started
    n_read = sum(source.n_bytes for _, source in checked)
    slices = [SampleSlice(path, source, piece) for path, source in checked for piece in source.slices]
    if not slices:
        raise InputMissing(
            "no citations to plan with", got=f"{len(paths)} files", expected="a readable input"
        )
    n_citations = sum(source.n_records for _, source in checked)
    return Sample(
        n_files=len(paths),
        n_bytes=sum(sizes),
        n_citations=n_citations if exact else round(n_citations * sum(sizes) / n_read),
        exact=exact,
        check_seconds_per_byte=seconds / n_read,
        slices=tuple(slices[number] for number in _spread(len(slices), n_slices)),
    )


def _checked(path: Path) -> SourceFile | None:
    """None for a file that a run would refuse: it costs next to nothing."""
    try:
        return check_source(path, slice_records=SLICE_RECORDS)
    except SourceError:
        return None


def _spread(n: int, wanted: int) -> list[int]:
    """Numbers below ``n``, evenly spread; the same numbers again where there are too few."""
    return [number * n // wanted for number in range(wanted)]
