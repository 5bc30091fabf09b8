"""The B lowest scores, and the lottery between equals."""

import functools

import compiled
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ddal_jax.selection import lowest

pytestmark = pytest.mark.optimized

NUM_POINTS = 50
NOTHING_LABELED = np.zeros(NUM_POINTS, bool)
key = jax.random.key(0)
keys = jax.random.split(key, 5)

tied_scores = hnp.arrays(np.float32, NUM_POINTS, elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0, 1e30]))
masks = hnp.arrays(np.bool_, NUM_POINTS)
query_sizes = st.sampled_from([1, 8, 60])
seeds = st.integers(0, 99)


@given(scores=tied_scores, labeled=masks, query_size=query_sizes, seed=seeds)
def test_lowest_never_returns_a_labeled_point_nor_one_twice(scores, labeled, query_size, seed):
    picked = np.asarray(lowest(jax.random.key(seed), jnp.asarray(scores), labeled, query_size=query_size))

    found = picked[picked >= 0]
    assert picked.shape == (query_size,)
    assert len(set(found)) == len(found) == min(query_size, (~labeled).sum())
    assert not labeled[found].any()


@given(scores=tied_scores, labeled=masks, query_size=query_sizes, seed=seeds)
def test_no_point_left_out_scores_lower(scores, labeled, query_size, seed):
    picked = np.asarray(lowest(jax.random.key(seed), jnp.asarray(scores), labeled, query_size=query_size))

    found = picked[picked >= 0]
    left = np.setdiff1d(np.flatnonzero(~labeled), found)
    assert max(scores[found], default=-np.inf) <= min(scores[left], default=np.inf)


@given(scores=tied_scores, labeled=masks, query_size=query_sizes, seed=seeds)
def test_the_best_come_first_and_empty_places_last(scores, labeled, query_size, seed):
    picked = np.asarray(lowest(jax.random.key(seed), jnp.asarray(scores), labeled, query_size=query_size))

    num_found = (picked >= 0).sum()
    assert (picked[:num_found] >= 0).all()
    assert (np.diff(scores[picked[:num_found]]) >= 0).all()
    np.testing.assert_array_equal(picked[num_found:], -1)


def test_scores_without_ties_need_no_lottery():
    scores = jnp.asarray(np.random.default_rng(0).permutation(NUM_POINTS), jnp.float32)

    for each in keys:
        picked = lowest(each, scores, NOTHING_LABELED, query_size=8)

        np.testing.assert_array_equal(picked, np.argsort(scores)[:8])


def test_a_pool_of_one_and_a_pool_all_labeled():
    one = lowest(key, jnp.zeros(1), np.array([False]), query_size=3)
    none = lowest(key, jnp.zeros(NUM_POINTS), ~NOTHING_LABELED, query_size=8)

    np.testing.assert_array_equal(one, [0, -1, -1])
    np.testing.assert_array_equal(none, [-1] * 8)


def test_the_same_key_gives_the_same_answer_and_another_key_another():
    scores = jnp.zeros(NUM_POINTS)

    first, again, other = (
        np.asarray(lowest(each, scores, NOTHING_LABELED, query_size=8)) for each in (keys[0], keys[0], keys[1])
    )

    np.testing.assert_array_equal(first, again)
    assert (first != other).any()  # equal with probability below 10^-13


def test_keys_of_the_old_kind_give_the_same_answer():
    scores = jnp.zeros(NUM_POINTS)

    picked = lowest(jax.random.PRNGKey(0), scores, NOTHING_LABELED, query_size=8)

    np.testing.assert_array_equal(picked, lowest(jax.random.key(0), scores, NOTHING_LABELED, query_size=8))


def test_ties_favour_no_class_of_a_sorted_pool():
    num_points, num_draws, query_size, num_classes = 1000, 200, 20, 10
    draw = jax.vmap(lambda each: lowest(each, jnp.zeros(num_points), np.zeros(num_points, bool), query_size=query_size))

    picked = np.asarray(draw(jax.random.split(key, num_draws)))

    total = num_draws * query_size
    counts = np.bincount(picked.ravel() // (num_points // num_classes), minlength=num_classes)
    # Six standard deviations of a binomial count, and of a mean of uniform indices.
    assert np.abs(counts - total / num_classes).max() < 6 * np.sqrt(total * 0.1 * 0.9)
    assert np.abs(picked.mean() - (num_points - 1) / 2) < 6 * num_points / np.sqrt(12 * total)
    # The order within a batch is drawn too.
    assert np.abs(picked[:, 0].mean() - (num_points - 1) / 2) < 6 * num_points / np.sqrt(12 * num_draws)


def test_ties_at_the_threshold_alone_are_drawn():
    scores = jnp.asarray([0.0] * 5 + [1.0] * 40 + [2.0] * 5)

    batches = [set(np.asarray(lowest(each, scores, NOTHING_LABELED, query_size=8)).tolist()) for each in keys]

    for batch in batches:
        assert set(range(5)) < batch
        assert max(batch) < 45
    assert len(set(map(frozenset, batches))) > 1


def ranked_among(values, each):
    """Order in which a pool of these values is picked."""
    scores = jnp.zeros(NUM_POINTS).at[: len(values)].set(jnp.asarray(values))
    picked = lowest(each, scores, np.arange(NUM_POINTS) >= len(values), query_size=8)
    np.testing.assert_array_equal(picked[len(values) :], -1)
    return picked[: len(values)].tolist()


@pytest.mark.parametrize("seed", range(5))
def test_nan_counts_as_larger_than_everything(seed):
    picked = ranked_among([np.nan, np.inf, 0.0, 1e30, np.nan, -np.inf, np.inf], jax.random.key(seed))

    assert picked[:3] == [5, 2, 3]
    assert set(picked[3:5]) == {1, 6}
    assert set(picked[5:]) == {0, 4}


@pytest.mark.parametrize("seed", range(5))
def test_infinity_counts_as_larger_than_every_number(seed):
    picked = ranked_among([np.inf, np.finfo(np.float32).max, np.inf, 0.0], jax.random.key(seed))

    assert picked[:2] == [3, 1]


def test_a_labeled_point_is_not_picked_even_where_all_else_is_nan():
    picked = ranked_among([np.nan, np.nan], key)

    assert set(picked) == {0, 1}


def test_vmap_over_keys_equals_a_loop():
    scores = jnp.asarray(np.random.default_rng(0).integers(0, 3, NUM_POINTS), jnp.float32)

    together = jax.jit(jax.vmap(lambda each: lowest(each, scores, NOTHING_LABELED, query_size=8)))(keys)

    for one, each in zip(together, keys, strict=True):
        np.testing.assert_array_equal(one, lowest(each, scores, NOTHING_LABELED, query_size=8))


def test_no_full_sort_is_compiled():
    num_points, query_size = 5000, 10
    program = (
        jax.jit(functools.partial(lowest, query_size=query_size))
        .lower(key, jax.ShapeDtypeStruct((num_points,), jnp.float32), jax.ShapeDtypeStruct((num_points,), jnp.bool_))
        .compile()
    )

    assert compiled.longest_sort(program) == query_size
