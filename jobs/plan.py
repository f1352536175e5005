"""Responsible for the plan: sources and settings to shards. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extract.commits import SourceRecord, shard_id
from extract.remote import Location
from extract.slices import Slice
from extract.source import parse_number

LARGEST_SLICE = 5000
SMALLEST_SLICE = 200
SLICES_PER_WORKER = 4
BYTES_PER_CITATION = {True: 750, False: 4500}
"""Rough size of a citation, compressed and not; only decides how finely a small input is cut."""


@dataclass(frozen=True, slots=True)
class Input:
    """A source file and where it lies now."""

    path: Location
    source: SourceRecord
    mark: str
    """What changes with the content, as :func:`extract.remote.state_of` gave it when the file was checked."""


@dataclass(frozen=True, slots=True)
class Shard:
    """The unit of work: a slice of a file under certain settings."""

    id: str
    settings: str
    """Digest of the settings."""
    input: Input
    piece: Slice

    @property
    def source(self) -> SourceRecord:
        return self.input.source


def plan_shards(inputs: Iterable[Input], settings: str) -> list[Shard]:
    """The shards of all files, oldest file first; content that is there under two names once."""
    shards = (
        Shard(
            shard_id(entry.source.sha256, piece.first_position, piece.n_records, settings),
            settings,
            entry,
            piece,
        )
        for entry in sorted(inputs, key=lambda entry: entry.source.order)
        for piece in entry.source.slices
    )
    return list({shard.id: shard for shard in shards}.values())


def plan_slice_records(sizes: Sequence[tuple[str, float]], n_workers: int) -> int:
    """How many records to put into a slice, so that a small input still keeps every worker busy.

    :param sizes: name and size in bytes of every file. The answer decides nothing but speed.
    """
    estimate = sum(
        int(n_bytes) // BYTES_PER_CITATION[name.endswith((".gz", ".parquet"))] for name, n_bytes in sizes
    )
    wanted = -(-estimate // (n_workers * SLICES_PER_WORKER))
    return max(SMALLEST_SLICE, min(LARGEST_SLICE, wanted))


def find_gaps(sources: Iterable[SourceRecord]) -> list[str]:
    """Numbers missing between the first and the last file of each year, as lines to report."""
    series: dict[tuple[str, int], set[int]] = {}
    for source in sources:
        if source.year is not None and source.number is not None:
            series.setdefault((series_of(source.name), source.year), set()).add(source.number)
    gaps = []
    for (name, year), numbers in sorted(series.items()):
        missing = sorted(set(range(min(numbers), max(numbers))) - numbers)
        if missing:
            shown = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
            gaps.append(f"gap in file numbers of {name}{year % 100:02d}: {len(missing)} missing ({shown})")
    return gaps


def find_new_year(names: Iterable[str]) -> tuple[str, list[int]] | None:
    """A series of files that is there with more than one year: its name and the years."""
    years: dict[str, set[int]] = {}
    for name in names:
        year, _ = parse_number(name)
        if year is not None:
            years.setdefault(series_of(name), set()).add(year)
    return next(((name, sorted(found)) for name, found in sorted(years.items()) if len(found) > 1), None)


def series_of(name: str) -> str:
    """``pubmed`` of ``pubmed26n0001.xml.gz``."""
    return (
        name.rstrip("/")
        .split("/")[-1]
        .partition(".")[0]
        .rstrip("0123456789")
        .rstrip("n")
        .rstrip("0123456789")
    )
