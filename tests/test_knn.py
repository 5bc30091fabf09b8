"""The neighbour graph is exact on every pool, and a function of the data alone."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest
from hard_pools import (
    NUM_FEATURES,
    NUM_NEIGHBORS,
    NUM_POINTS,
    POOLS,
    assert_nearest,
    assert_same_bits,
    each_pool,
    pool,
    rounding_of,
)
from hypothesis import given
from hypothesis import strategies as st

from ddal_jax import KNNGraph, knn_graph
from ddal_jax.graph import knn

pytestmark = pytest.mark.optimized


@each_pool
def test_no_point_left_out_is_nearer(name):
    features = pool(name)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    assert_nearest(graph.neighbors, features, NUM_NEIGHBORS)


@pytest.mark.parametrize("name", ["small integers", "many duplicates", "all rows identical", "two identical groups"])
def test_ties_go_to_the_lower_index(name):
    features = pool(name)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    expected, _ = oracles.nearest_neighbors(features, NUM_NEIGHBORS)
    np.testing.assert_array_equal(graph.neighbors, expected)


@each_pool
def test_distances_are_as_exact_as_differences(name):
    features = pool(name)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    measured = np.take_along_axis(oracles.squared_distances(features), np.asarray(graph.neighbors), axis=1)
    np.testing.assert_allclose(graph.sq_distances, measured, rtol=rounding_of(NUM_FEATURES))
    assert (np.diff(np.asarray(graph.sq_distances), axis=1) >= 0).all()


def test_every_copy_lists_the_first_other_copies_at_distance_zero():
    features = pools.gaussian(NUM_POINTS, NUM_FEATURES)
    copies = np.arange(3, NUM_POINTS, 7)
    features[copies] = features[3]

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    for copy in copies:
        others = [other for other in copies if other != copy]
        np.testing.assert_array_equal(graph.neighbors[copy], others[:NUM_NEIGHBORS])
        np.testing.assert_array_equal(graph.sq_distances[copy], 0.0)


@given(
    seed=st.integers(0, 2**16),
    log_spread=st.floats(-4, 2),
    log_shift=st.floats(-2, 4),
    num_clusters=st.sampled_from([1, 2, 30, NUM_POINTS]),
    share_of_copies=st.sampled_from([0.0, 0.5]),
)
def test_any_mixture_of_clusters_shifts_and_copies_is_exact(seed, log_spread, log_shift, num_clusters, share_of_copies):
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(num_clusters, NUM_FEATURES))
    features = centers[rng.integers(0, num_clusters, NUM_POINTS)]
    features = features + 10**log_spread * rng.normal(size=features.shape) + 10**log_shift
    copied = rng.random(NUM_POINTS) < share_of_copies
    features[copied] = features[rng.integers(0, 10, copied.sum())]
    features = features.astype(np.float32)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    assert_nearest(graph.neighbors, features, NUM_NEIGHBORS)


# The smallest pool; one column with N = K + 1, where everyone is a neighbour; the width of a network's features.
@pytest.mark.parametrize(
    ("num_points", "num_features", "k"), [(2, 2, 1), (40, 1, 39), pytest.param(130, 2048, 3, marks=pytest.mark.slow)]
)
def test_every_size_is_exact(num_points, num_features, k):
    features = pools.gaussian(num_points, num_features)

    graph = knn_graph(features, num_neighbors=k)

    assert_nearest(graph.neighbors, features, k)
    measured = np.take_along_axis(oracles.squared_distances(features), np.asarray(graph.neighbors), axis=1)
    np.testing.assert_allclose(graph.sq_distances, measured, rtol=rounding_of(num_features))


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int8, np.uint8, np.int64, jnp.bfloat16])
def test_input_of_any_real_type_is_used_as_float32(dtype):
    features = np.random.default_rng(0).uniform(0, 100, (NUM_POINTS, NUM_FEATURES)).astype(dtype)

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    assert_same_bits(graph, knn_graph(features.astype(np.float32), num_neighbors=NUM_NEIGHBORS))


@pytest.mark.parametrize(
    "block_size", [7, NUM_POINTS, *(pytest.param(size, marks=pytest.mark.slow) for size in (1, 64))]
)
def test_block_size_never_changes_a_bit(block_size):
    for name in POOLS:
        features = pool(name)

        graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS, block_size=block_size)

        assert_same_bits(graph, knn_graph(features, num_neighbors=NUM_NEIGHBORS))


# Room for less than one row, for seven, and for more than all.
@pytest.mark.parametrize("memory_budget", [1, 7 * 4 * NUM_POINTS, 2**30])
def test_memory_budget_never_changes_a_bit(memory_budget):
    features = pool("tight clusters")

    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS, memory_budget=memory_budget)

    assert_same_bits(graph, knn_graph(features, num_neighbors=NUM_NEIGHBORS))


# The default is 256 MiB, which for a million points is 67 rows.
@pytest.mark.usefixtures("plain_types")
@pytest.mark.parametrize(
    ("num_points", "memory_budget", "block_size"),
    [(1000, 7 * 4 * 1000, 7), (1000, 8 * 4 * 1000 - 1, 7), (1000, 1, 1), (10**6, None, 67), (2 * 10**9, None, 1)],
)
def test_a_block_of_distances_stays_within_the_budget(monkeypatch, num_points, memory_budget, block_size):
    taken = []
    monkeypatch.setattr(knn, "_dense", lambda features, **settings: taken.append(settings["block_size"]) or features)

    jax.eval_shape(
        functools.partial(knn_graph, num_neighbors=1, memory_budget=memory_budget),
        jax.ShapeDtypeStruct((num_points, 2), jnp.float32),
    )

    assert taken == [block_size]


def test_the_graph_is_the_same_to_the_bit_inside_a_callers_jit_and_vmap():
    batch = np.stack([pool("gaussian"), pool("many duplicates"), pool("tight clusters")])

    graphs = jax.jit(jax.vmap(functools.partial(knn_graph, num_neighbors=NUM_NEIGHBORS)))(batch)

    for i, features in enumerate(batch):
        one = KNNGraph(graphs.neighbors[i], graphs.sq_distances[i])
        assert_same_bits(one, knn_graph(features, num_neighbors=NUM_NEIGHBORS))


def test_renaming_the_points_renames_the_graph():
    features = pool("gaussian")
    order = np.random.default_rng(1).permutation(NUM_POINTS)
    graph = knn_graph(features, num_neighbors=NUM_NEIGHBORS)

    renamed = knn_graph(features[order], num_neighbors=NUM_NEIGHBORS)

    np.testing.assert_array_equal(order[np.asarray(renamed.neighbors)], np.asarray(graph.neighbors)[order])
    np.testing.assert_array_equal(renamed.sq_distances, np.asarray(graph.sq_distances)[order])
