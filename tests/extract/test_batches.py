"""Windows cover every token once; batches hold no padding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extract.batches import TOKENS_PER_BATCH, iter_batches, plan_windows


@given(n_tokens=st.integers(0, 500), max_tokens=st.integers(8, 64), share=st.floats(0, 0.9))
def test_every_token_is_kept_from_exactly_one_window(n_tokens: int, max_tokens: int, share: float) -> None:
    overlap = int((max_tokens - 3) * share)
    windows = plan_windows(0, n_tokens, max_tokens=max_tokens, overlap=overlap)
    kept = [token for window in windows for token in range(window.keep_start, window.keep_end)]
    assert kept == list(range(n_tokens))
    for window in windows:
        assert window.start <= window.keep_start <= window.keep_end <= window.end
        assert window.end - window.start <= max_tokens - 2


def test_kept_tokens_have_half_the_overlap_as_context() -> None:
    first, second, third = plan_windows(0, 60, max_tokens=32, overlap=10)
    assert (first.keep_end, second.keep_end) == (25, 45)
    assert first.end - first.keep_end == second.keep_start - second.start == 5
    assert (third.start, third.end) == (40, 60)


def test_sentence_that_fits_is_one_window() -> None:
    assert len(plan_windows(0, 30, max_tokens=32, overlap=10)) == 1
    assert len(plan_windows(0, 31, max_tokens=32, overlap=10)) == 2


@given(lengths=st.lists(st.integers(1, 60), max_size=80))
def test_batches_hold_every_window_without_padding(lengths: list[int]) -> None:
    token_ids = [[10 + index] * length for index, length in enumerate(lengths)]
    windows = [
        w
        for index, ids in enumerate(token_ids)
        for w in plan_windows(index, len(ids), max_tokens=64, overlap=8)
    ]
    seen = []
    for batch in iter_batches(token_ids, windows, start_token=1, end_token=2):
        assert batch.input_ids.size <= max(TOKENS_PER_BATCH, batch.input_ids.shape[1])
        for window, row in zip(batch.windows, batch.input_ids.tolist(), strict=True):
            assert row == [1, *token_ids[window.sentence], 2]
            seen.append(window.sentence)
    assert sorted(seen) == list(range(len(lengths)))
