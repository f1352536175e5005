"""A process tells whose its memory is."""

from __future__ import annotations

import pytest

from extract.memory import peak_rss_bytes, read_memory, reset_peak_rss

SIZE = 2**26


def test_what_a_process_keeps_is_its_own() -> None:
    before = read_memory()
    if before is None:
        pytest.skip("no /proc/self/smaps_rollup here")
    kept = b"\1" * SIZE
    after = read_memory()
    assert after is not None
    assert 0.9 * len(kept) < after.private - before.private < 1.5 * len(kept)
    assert abs(after.shared - before.shared) < SIZE / 2
    assert after.private < after.proportional <= after.private + after.shared
    assert after.private + after.shared <= peak_rss_bytes() + SIZE / 8


def test_the_high_water_mark_can_begin_anew() -> None:
    kept = b"\1" * (4 * SIZE)
    high = peak_rss_bytes()
    assert high > len(kept)
    del kept
    reset_peak_rss()
    if peak_rss_bytes() == high:
        pytest.skip("the kernel does not let the mark be reset here")
    assert peak_rss_bytes() < high - 3 * SIZE
