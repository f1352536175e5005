"""Quantising keeps values within half a step, and clips only where that helps."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from compress.graphs.quantize import choose_scale, quantize_columns, quantize_rows

MATRICES = stn.arrays(
    np.float32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.floats(-50, 50, width=32)
)


@given(MATRICES)
def test_weights_come_back_within_half_a_step(weight: np.ndarray) -> None:
    columns = quantize_columns(weight)
    assert np.all(np.abs(columns.integers * columns.scales - weight) <= columns.scales * 0.501)
    rows = quantize_rows(weight)
    assert np.all(np.abs(rows.integers * rows.scales[:, None] - weight) <= rows.scales[:, None] * 0.501)


def test_weights_too_small_for_a_scale_become_zero() -> None:
    columns = quantize_columns(np.full((2, 1), 2.6e-43, np.float32))
    assert columns.integers.tolist() == [[0], [0]]
    assert columns.scales.tolist() == [1.0]


def test_each_column_has_its_own_scale() -> None:
    columns = quantize_columns(np.array([[1.0, 100.0], [-1.27, 12.7]], np.float32))
    assert columns.integers.tolist() == [[100, 127], [-127, 16]]


@given(stn.arrays(np.float32, (40, 3), elements=st.floats(-100, 100, width=32)))
def test_real_zero_stays_zero(activations: np.ndarray) -> None:
    scale = choose_scale(activations, np.ones((3, 2), np.float32))
    assert 0 <= scale.zero_point <= 255
    assert scale.round_trip(np.zeros(1, np.float32)) == 0


def test_one_sided_activations_use_the_whole_range() -> None:
    activations = np.linspace(0, 10, 999, dtype=np.float32).reshape(-1, 3)
    scale = choose_scale(activations, np.ones((3, 2), np.float32))
    assert scale.zero_point == 0
    assert np.abs(scale.round_trip(activations) - activations).max() < 0.03


def test_lone_outlier_is_clipped() -> None:
    activations = np.random.default_rng(0).normal(size=(20_000, 4)).astype(np.float32)
    activations[0, 0] = 12.0
    scale = choose_scale(activations, np.eye(4, dtype=np.float32))
    full = (12.0 - float(activations.min())) / 255
    assert scale.scale < 0.9 * full


def test_silent_site_needs_no_scale() -> None:
    scale = choose_scale(np.zeros((5, 2), np.float32), np.ones((2, 2), np.float32))
    assert scale.round_trip(np.zeros(3, np.float32)).tolist() == [0, 0, 0]
