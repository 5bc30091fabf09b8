"""The steps behind the neighbour graph: what is certified is right, what is not is repaired, and neither takes N^2."""

import functools

import compiled
import jax
import jax.numpy as jnp
import numpy as np
import pools
import pytest
from hard_pools import (
    NUM_FEATURES,
    NUM_NEIGHBORS,
    NUM_POINTS,
    assert_nearest,
    assert_same_bits,
    each_pool,
    pool,
)
from sklearn.neighbors import NearestNeighbors

from ddal_jax import KNNGraph, knn_graph
from ddal_jax.graph import knn

pytestmark = pytest.mark.optimized

repair = jax.jit(knn._repair)


@each_pool
def test_repair_alone_gives_the_graph(name):
    features = jnp.asarray(pool(name))
    nothing = KNNGraph(
        jnp.full((NUM_POINTS, NUM_NEIGHBORS), 7, jnp.int32), jnp.full((NUM_POINTS, NUM_NEIGHBORS), jnp.nan)
    )

    graph = repair(features, nothing, jnp.zeros(NUM_POINTS, bool))

    assert_same_bits(graph, knn_graph(features, num_neighbors=NUM_NEIGHBORS))


def test_repair_ends_even_where_features_are_nan(monkeypatch):
    """Inside a caller's `jit` nothing refuses NaN, so no row may be left that is repaired for ever."""
    features = jnp.asarray(pool("gaussian")).at[3, 1].set(jnp.nan)
    nothing = KNNGraph(
        jnp.zeros((NUM_POINTS, NUM_NEIGHBORS), jnp.int32), jnp.zeros((NUM_POINTS, NUM_NEIGHBORS), jnp.float32)
    )
    unfinished = []

    def once_per_row(condition, advance, state):
        state = jax.lax.fori_loop(0, NUM_POINTS, lambda _, state: advance(state), state)
        unfinished.append(bool(condition(state)))
        return state

    monkeypatch.setattr(knn.lax, "while_loop", once_per_row)

    knn._repair(features, nothing, jnp.arange(NUM_POINTS) != 3)

    assert unfinished == [False]


@jax.jit
def unrepaired(features):
    candidates = knn._select(features, num_neighbors=NUM_NEIGHBORS, block_size=64)
    return knn._rerank(features, candidates, num_neighbors=NUM_NEIGHBORS)


@each_pool
def test_the_certificate_never_lies(name):
    features = pool(name)

    graph, certified = unrepaired(jnp.asarray(features))

    rows = np.flatnonzero(certified)
    final = knn_graph(features, num_neighbors=NUM_NEIGHBORS)
    np.testing.assert_array_equal(graph.neighbors[rows], final.neighbors[rows])
    assert_nearest(graph.neighbors[rows], features, NUM_NEIGHBORS, rows)


@pytest.mark.parametrize(("shift", "spread"), [(0, 1), (3, 1), (30, 1), (1, 1e-3), (10, 1e-2), (100, 1e-1)])
def test_the_certificate_never_lies_at_the_edge_of_rounding(shift, spread):
    """Two mirrored clusters stay off their mean however features are centred, so the matrix form loses digits."""
    rng = np.random.default_rng(3)
    features = spread * rng.normal(size=(NUM_POINTS, NUM_FEATURES))
    features = (features + shift * np.where(np.arange(NUM_POINTS) % 2, 1, -1)[:, None]).astype(np.float32)

    graph, certified = unrepaired(jnp.asarray(features))

    rows = np.flatnonzero(certified)
    assert_nearest(graph.neighbors[rows], features, NUM_NEIGHBORS, rows)


def test_most_rows_of_an_ordinary_pool_are_certified():
    _, certified = unrepaired(jnp.asarray(pool("gaussian")))

    # All but rows with a tie within rounding; a tenth leaves room for other platforms.
    assert np.mean(certified) > 0.9


LARGE, BLOCK = 4500, 64


@pytest.fixture(scope="module")
def large_program():
    """A pool whose rows are cut into groups twice, with spares in groups of 16."""
    graph_of = functools.partial(knn_graph, num_neighbors=10, block_size=BLOCK)
    return jax.jit(graph_of).lower(jax.ShapeDtypeStruct((LARGE, 4), jnp.float32)).compile()


def test_a_large_pool_agrees_with_scikit_learn(large_program):
    features = pools.gaussian(LARGE, 4)

    graph = large_program(features)

    reference = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(features.astype(np.float64))
    distances, neighbors = reference.kneighbors()
    # Where two distances agree to rounding, either order is right.
    differs = np.asarray(graph.neighbors) != neighbors
    assert differs.mean() < 1e-3
    np.testing.assert_allclose(np.sqrt(graph.sq_distances), distances, rtol=1e-6)  # about 6 roundings, halved


def test_memory_is_a_block_of_distances_and_the_lists(large_program):
    lists = LARGE * knn.num_candidates(10, LARGE)
    block = BLOCK * LARGE

    temporary = compiled.temporary_bytes(large_program)

    # Distances and indices, each in a few versions while they are narrowed down.
    assert 0 < temporary < 8 * 4 * (lists + block)
    assert temporary < 4 * LARGE**2 / 5


def test_no_row_of_distances_is_sorted(large_program):
    sorting = jax.jit(jnp.sort).lower(jax.ShapeDtypeStruct((LARGE,), jnp.float32)).compile()
    assert compiled.longest_sort(sorting) == LARGE

    assert compiled.longest_sort(large_program) < LARGE / 10
