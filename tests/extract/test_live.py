"""Which record of a citation counts: told by files, versions and deletions, whatever the order of events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from extract.live import DELETED, KEPT, SUPERSEDED, find_states


@dataclass(frozen=True)
class Event:
    """A record of a citation (or an order to delete it) in a file."""

    pmid: int
    version: int
    rank: int


def states(records: list[Event], deleted: list[Event]) -> list[int]:
    orders = [(order.pmid, order.version, order.rank) for order in deleted]
    return find_states(
        identity=np.array([record.pmid for record in records], np.int64),
        version=np.array([record.version for record in records], np.int64),
        rank=np.array([record.rank for record in records], np.int64),
        deleted=np.array(orders, np.int64).reshape(-1, 3),
    ).tolist()


def told_slowly(records: list[Event], deleted: list[Event]) -> list[int]:
    """The rule, written down as it is said."""
    found = []
    for row, record in enumerate(records):
        later_same = [
            other
            for other in records[row + 1 :]
            if (other.pmid, other.version) == (record.pmid, record.version)
        ]
        survivors = [
            (other.rank, other.version, place)
            for place, other in enumerate(records)
            if other.pmid == record.pmid and not _is_deleted(other, deleted)
        ]
        if survivors and max(survivors)[2] == row:
            found.append(KEPT)
        else:
            found.append(DELETED if _is_deleted(record, deleted) and not later_same else SUPERSEDED)
    return found


def _is_deleted(record: Event, deleted: list[Event]) -> bool:
    return any(
        (order.pmid, order.version) == (record.pmid, record.version) and order.rank >= record.rank
        for order in deleted
    )


EVENTS = st.lists(st.builds(Event, st.integers(1, 4), st.integers(1, 2), st.integers(0, 4)), max_size=14)


@settings(deadline=None)  # the first example pays for imports, on a machine that may be busy
@given(EVENTS, EVENTS)
def test_states_are_what_the_rule_says(records: list[Event], deleted: list[Event]) -> None:
    in_order = sorted(records, key=lambda record: record.rank)
    assert states(in_order, deleted) == told_slowly(in_order, deleted)


def test_no_records_no_states() -> None:
    assert states([], []) == []
    assert states([], [Event(1, 1, 0)]) == []


def test_one_record_of_each_citation_is_kept() -> None:
    assert states([Event(1, 1, 0), Event(2, 1, 0), Event(1, 1, 1)], []) == [SUPERSEDED, KEPT, KEPT]


def test_deletion_in_the_same_file_wins_and_a_later_file_brings_back() -> None:
    assert states([Event(1, 1, 0)], [Event(1, 1, 0)]) == [DELETED]
    assert states([Event(1, 1, 0), Event(1, 1, 1)], [Event(1, 1, 0)]) == [SUPERSEDED, KEPT]
