"""Responsible for noticing that a run finds other things than the runs before it: entities per label."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from extract.commits import CommitRecord
from extract.place import Place
from extract.table import read_table

ALARM_SIGMAS = 5.0
ALARM_CHANGE = 0.25
"""A label is alarming when its rate is off by both: more than chance explains, and more than matters."""
FEWEST = 10
MOST_SHARDS = 40
"""Shards of a run that are looked at; enough to see a drift, and quick for a baseline of thousands."""


@dataclass(frozen=True)
class LabelCounts:
    """Entities by label in some shards of a run."""

    counts: Counter[str]
    n_sentences: int
    """Sentences of those shards."""


@dataclass(frozen=True, slots=True)
class LabelLine:
    """A label in a run, against the runs before."""

    label: str
    n_entities: int
    per_thousand: float
    """Entities for each thousand sentences."""
    before: float | None
    """The same in the earlier runs together; None where there are none."""
    alarm: bool

    @property
    def change(self) -> float | None:
        """Relative change against before; None where there are too few entities to speak of one."""
        if not self.before or not self.per_thousand:
            return None
        expected = self.n_entities * self.before / self.per_thousand
        return self.per_thousand / self.before - 1 if max(expected, self.n_entities) >= FEWEST else None


def count_labels(root: Place, commits: Iterable[CommitRecord]) -> LabelCounts:
    """Count the entities of a run, or of an even sample of its shards.

    :raises OutputError: when a data file is missing or damaged.
    """
    shards = sorted(commits, key=lambda commit: commit.shard)[:MOST_SHARDS]  # ids are hashes: a fair sample
    counts: Counter[str] = Counter()
    for commit in shards:
        file = commit.file("entities")
        if file is not None and file.n_rows:
            counts.update(read_table(root / "entities" / file.name, ["label"])["label"].to_pylist())
    return LabelCounts(counts, sum(commit.n_sentences for commit in shards))


def compare_labels(now: LabelCounts, earlier: Sequence[LabelCounts]) -> list[LabelLine]:
    """Every label of the run or of earlier ones, most frequent first."""
    n_before = sum(entry.n_sentences for entry in earlier)
    before = sum((entry.counts for entry in earlier), Counter[str]())
    lines = []
    for label in sorted(now.counts | before, key=lambda label: (-now.counts[label], label)):
        count = now.counts[label]
        rate = before[label] / n_before if n_before else None
        lines.append(
            LabelLine(
                label=label,
                n_entities=count,
                per_thousand=1000 * count / max(now.n_sentences, 1),
                before=None if rate is None else 1000 * rate,
                alarm=rate is not None and _is_off(count, now.n_sentences, rate, n_before),
            )
        )
    return lines


def _is_off(count: int, n_sentences: int, rate: float, n_before: int) -> bool:
    """Whether a count is neither chance (Poisson, both sides) nor small."""
    if not n_sentences:
        return False
    expected = rate * n_sentences
    spread = math.sqrt(max(expected * (1 + n_sentences / n_before), 1.0))
    off = abs(count - expected)
    return off > ALARM_SIGMAS * spread and off > ALARM_CHANGE * expected
