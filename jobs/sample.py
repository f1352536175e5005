"""Responsible for the sample that a plan is made from: pieces of inputs, and how many citations there are.

Few or small inputs are read whole, and their citations counted. Of many, three are read and the rest is
estimated by size: the files of a MEDLINE baseline are much alike.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from extract.errors import SourceError
from extract.fetch import at_hand
from extract.remote import Location, state_of
from extract.slices import Slice
from extract.source import SourceFile, check_source
from jobs.errors import InputMissing

UNIT_RECORDS = 10
"""Pieces are made of so many records, or a multiple."""
COUNT_ALL_BYTES = 32 << 20
"""Inputs of no more than this size together are all read."""
FILES_OF_MANY = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an input to measure."""

    path: Location
    source: SourceFile
    piece: Slice


@dataclass(frozen=True)
class Sample:
    """What is known of the inputs."""

    sizes: tuple[tuple[str, int], ...]
    """Name and bytes on disk of every input."""
    n_citations: int
    """In all inputs; an estimate unless ``exact``."""
    exact: bool
    check_seconds_per_byte: float
    """Time to read an input from end to end once, as every run does before it commits anything of it."""
    files: tuple[tuple[Location, SourceFile], ...]
    """Inputs that were read, at least one with a citation; their slices are units of this module."""

    @property
    def n_files(self) -> int:
        return len(self.sizes)

    @property
    def n_bytes(self) -> int:
        return sum(n_bytes for _, n_bytes in self.sizes)

    def cut(self, n_pieces: int, n_records: int) -> list[Piece]:
        """Pieces of about so many records, or of what a file has, evenly spread; they may overlap."""
        places = [
            (path, source, number) for path, source in self.files for number in range(len(source.slices))
        ]
        wanted = -(-n_records // UNIT_RECORDS)
        pieces = []
        for number in range(n_pieces):
            path, source, first = places[number * len(places) // n_pieces]
            start = max(0, min(first, len(source.slices) - wanted))
            pieces.append(Piece(path, source, _join(source.slices[start : start + wanted], number)))
        return pieces


def read_sample(paths: Sequence[Location]) -> Sample:
    """Read enough of the inputs to plan with.

    :raises InputMissing: when no input holds a citation.
    """
    sizes = tuple((path.name, state_of(path)[0]) for path in paths)
    n_bytes = sum(size for _, size in sizes)
    exact = n_bytes <= COUNT_ALL_BYTES or len(paths) <= FILES_OF_MANY
    chosen = (
        list(paths)
        if exact
        else [paths[number * len(paths) // FILES_OF_MANY] for number in range(FILES_OF_MANY)]
    )
    started = time.monotonic()
    files = tuple(
        (path, source) for path in chosen if (source := _checked(path)) is not None and source.slices
    )
    seconds = time.monotonic() - started
    if not files:
        raise InputMissing(
            "no citations to plan with", got=f"{len(paths)} files", expected="a readable input"
        )
    n_read = sum(source.n_bytes for _, source in files)
    n_citations = sum(source.n_records for _, source in files)
    return Sample(
        sizes=sizes,
        n_citations=n_citations if exact else round(n_citations * n_bytes / n_read),
        exact=exact,
        check_seconds_per_byte=seconds / n_read,
        files=files,
    )


def _checked(location: Location) -> SourceFile | None:
    """None for a file that a run would refuse: it costs next to nothing."""
    try:
        with at_hand(location) as path:
            return check_source(path, slice_records=UNIT_RECORDS)
    except SourceError:
        return None


def _join(units: Sequence[Slice], index: int) -> Slice:
    """Neighbouring slices as one."""
    return Slice(
        index,
        units[0].start,
        units[-1].end,
        sum(unit.n_records for unit in units),
        units[0].first_position,
    )
