"""Responsible for counting the endpoint records of a run, and what is odd about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from extract.commits import CommitRecord
from extract.place import Place
from extract.table import read_table
from jobs.drift import MOST_SHARDS


@dataclass(frozen=True)
class FlagCounts:
    """Endpoint records of a run, or of an even sample of its shards."""

    n_records: int = 0
    n_flagged: int = 0
    """Records with a flag or more; they stand in the table like the others."""
    flags: Counter[str] = field(default_factory=Counter)
    """Records by flag; see :data:`extract.endpoints.FLAGS`."""

    def to_dict(self) -> dict[str, Any]:
        """As reports give it to scripts."""
        return {"records": self.n_records, "flagged": self.n_flagged, "flags": dict(self.flags.most_common())}


def count_flags(root: Place, commits: Iterable[CommitRecord]) -> FlagCounts:
    """Count what the checks of endpoint records found.

    :raises OutputError: when a data file is missing or damaged.
    """
    n_records = n_flagged = 0
    flags: Counter[str] = Counter()
    for commit in sorted(commits, key=lambda commit: commit.shard)[:MOST_SHARDS]:
        file = commit.file("endpoints")
        if file is not None and file.n_rows:
            column = read_table(root / "endpoints" / file.name, ["flags"])["flags"]
            n_records += len(column)
            n_flagged += pc.sum(pc.greater(pc.list_value_length(column), 0)).as_py()
            flags.update(pc.list_flatten(column).to_pylist())
    return FlagCounts(n_records, n_flagged, flags)
