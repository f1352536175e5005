"""Responsible for slices: ranges of a file that can be read on their own, each some thousand records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Slice:
    """A range of a source file. All slices of a file, in order, hold each of its records once."""

    index: int
    """0-based number within the file."""
    start: int
    """First byte in the decompressed stream (Parquet: first row)."""
    end: int
    """One past the last byte (Parquet: row)."""
    n_records: int
    """Records that reading it must give: citations, deletions and rejected records together."""
    first_position: int
    """Position of its first record in the file, 0-based."""

    def to_dict(self) -> dict[str, int]:
        """As plain numbers, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Slice:
        """From what :meth:`to_dict` gave."""
        return cls(**{name: int(data[name]) for name in cls.__slots__})


def plan_slices(units: Iterable[tuple[int, int, int]], slice_records: int) -> tuple[Slice, ...]:
    """Cut a file into slices of about ``slice_records`` records.

    ``units`` are the pieces that cannot be cut, in order: (first byte, one past its last, number of
    records). Every slice but the last has at least ``slice_records`` records, and more only where its last
    unit has more than one.
    """
    slices: list[Slice] = []
    start = end = position = n_records = 0
    for unit_start, unit_end, unit_records in units:
        if n_records >= slice_records:
            slices.append(Slice(len(slices), start, end, n_records, position))
            position, n_records = position + n_records, 0
        if not n_records:
            start = unit_start
        end = unit_end
        n_records += unit_records
    if n_records:
        slices.append(Slice(len(slices), start, end, n_records, position))
    return tuple(slices)
