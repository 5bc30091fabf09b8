"""The k smallest of every row, against a stable sort."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ddal_jax.graph.smallest import k_smallest

pytestmark = pytest.mark.optimized

smallest = functools.partial(jax.jit, static_argnames="k")(k_smallest)


def assert_smallest(values, k):
    got_values, got_columns = smallest(jnp.asarray(values), k=k)

    expected = np.argsort(values, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(got_columns, expected)
    np.testing.assert_array_equal(got_values, np.take_along_axis(values, expected, axis=1))


# Rows of 193 are the first that are cut into groups, rows of 70 000 need three levels of them.
@pytest.mark.parametrize(("row_length", "k"), [(40, 40), (193, 1), (1000, 9), (70_000, 2)])
def test_ties_go_to_the_earlier_column_in_rows_of_any_length(row_length, k):
    rng = np.random.default_rng(row_length)
    values = rng.integers(1, 6, (3, row_length)).astype(np.float32)

    assert_smallest(values, k)


@pytest.mark.parametrize("row_length", [40, 1000])
def test_entries_at_infinity_are_passed_over(row_length):
    rng = np.random.default_rng(1)
    values = np.full((3, row_length), np.inf, np.float32)
    for row in values:
        row[rng.choice(row_length, 9, replace=False)] = rng.integers(-2, 2, 9)

    assert_smallest(values, 9)


def test_one_group_may_hold_all_the_smallest():
    values = np.ones((3, 1000), np.float32)
    values[:, 500:509] = np.arange(9, 0, -1) / 10

    assert_smallest(values, 9)


@given(values=hnp.arrays(np.float32, (3, 40), elements=st.sampled_from([-1.5, 0.0, 1.0, 2.0, 1e30])))
def test_short_rows_of_any_values(values):
    assert_smallest(values, 9)
