"""Edge weights against a dense oracle, and the table of rows that holds them."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ddal_jax import DirectedGraph, Graph, affinity, knn_graph

pytestmark = pytest.mark.optimized

NUM_POINTS, NUM_NEIGHBORS = 60, 4
MODES = ["max", "mean", "mutual", "self_tuning", "none"]
SYMMETRIC_MODES = MODES[:-1]
each_mode = pytest.mark.parametrize("symmetrize", MODES)
# Two float32 roundings of the exponent, which is at most 1 except for "self_tuning", and one of the exponential.
ROUNDING = 1e-6


def star():
    """The origin and unit vectors: every point lists node 0 first, a hub with n - 1 edges coming in."""
    features = np.concatenate([np.zeros((1, NUM_POINTS - 1)), np.eye(NUM_POINTS - 1)])
    return pools.knn(features, NUM_NEIGHBORS)


def with_duplicates():
    """Half the points coincide in groups, some larger than K."""
    features = pools.gaussian(NUM_POINTS, 2)
    features[:12] = features[0]
    features[12:30] = np.repeat(features[12:21], 2, axis=0)
    return pools.knn(features, NUM_NEIGHBORS)


GRAPHS = {
    "gaussian": lambda: pools.knn(pools.gaussian(NUM_POINTS, 2), NUM_NEIGHBORS),
    "many dimensions": lambda: pools.knn(pools.gaussian(NUM_POINTS, 20), NUM_NEIGHBORS),
    "star": star,
    "duplicates": with_duplicates,
}
each_graph = pytest.mark.parametrize("name", GRAPHS)


def directed_entries(knn):
    """Weights of the listed edges, one row per node."""
    graph = affinity(knn, symmetrize="none")
    return np.take_along_axis(oracles.dense(graph), np.asarray(knn.neighbors), axis=1)


@each_graph
@each_mode
def test_weights_are_those_of_the_dense_matrix(name, symmetrize):
    knn = GRAPHS[name]()

    graph = affinity(knn, symmetrize=symmetrize)

    expected = oracles.affinity(*map(np.asarray, knn), symmetrize)
    np.testing.assert_allclose(oracles.dense(graph), expected, rtol=ROUNDING, atol=0)


@each_graph
@pytest.mark.parametrize("symmetrize", SYMMETRIC_MODES)
def test_a_graph_is_symmetric_to_the_bit(name, symmetrize):
    graph = affinity(GRAPHS[name](), symmetrize=symmetrize)

    weights = oracles.dense(graph)
    assert isinstance(graph, Graph)
    np.testing.assert_array_equal(weights, weights.T)


def test_the_printed_graph_is_directed():
    graph = affinity(GRAPHS["gaussian"](), symmetrize="none")

    weights = oracles.dense(graph)
    assert isinstance(graph, DirectedGraph)
    assert (weights != weights.T).any()


def test_the_default_is_max():
    knn = GRAPHS["gaussian"]()

    graph = affinity(knn)

    jax.tree.map(np.testing.assert_array_equal, graph, affinity(knn, symmetrize="max"))


@each_graph
@pytest.mark.parametrize("symmetrize", ["max", "none"])
def test_weights_lie_between_one_over_e_and_one(name, symmetrize):
    graph = affinity(GRAPHS[name](), symmetrize=symmetrize)

    weights = oracles.dense(graph)
    present = weights[weights > 0]
    assert present.min() >= np.exp(-1) * (1 - ROUNDING)
    assert present.max() <= 1.0


def test_the_furthest_neighbor_weighs_one_over_e():
    weights = directed_entries(GRAPHS["gaussian"]())

    np.testing.assert_allclose(weights.min(axis=1), np.exp(-1), rtol=ROUNDING)
    np.testing.assert_allclose(weights[:, -1], np.exp(-1), rtol=ROUNDING)


@each_graph
def test_row_sums_of_the_printed_graph_are_bounded(name):
    knn = GRAPHS[name]()

    graph = affinity(knn, symmetrize="none")

    lowest = NUM_NEIGHBORS * np.exp(-1)
    highest = np.where(knn.sq_distances[:, -1] > 0, NUM_NEIGHBORS - 1 + np.exp(-1), NUM_NEIGHBORS)
    assert (np.asarray(graph.degrees) >= lowest * (1 - ROUNDING)).all()
    assert (np.asarray(graph.degrees) <= highest * (1 + ROUNDING)).all()


def test_edges_of_points_whose_neighbors_all_coincide_weigh_one():
    knn = with_duplicates()
    of_zero_width = np.flatnonzero(np.asarray(knn.sq_distances)[:, -1] == 0)
    assert of_zero_width.size == 12

    weights = directed_entries(knn)

    np.testing.assert_array_equal(weights[of_zero_width], 1.0)


@given(features=hnp.arrays(np.float32, (NUM_POINTS, 2), elements=st.integers(0, 6)), symmetrize=st.sampled_from(MODES))
def test_the_table_is_well_formed(features, symmetrize):
    knn = pools.knn(features, NUM_NEIGHBORS)

    graph = affinity(knn, symmetrize=symmetrize)

    owners, neighbors, weights = map(np.asarray, (graph.owners, graph.neighbors, graph.weights))
    assert neighbors.shape == (NUM_POINTS if symmetrize == "none" else 3 * NUM_POINTS, NUM_NEIGHBORS)
    assert (np.diff(owners) >= 0).all()
    np.testing.assert_array_equal(np.unique(owners), np.arange(NUM_POINTS))
    is_edge = weights > 0
    own = np.broadcast_to(owners[:, None], neighbors.shape)
    np.testing.assert_array_equal(neighbors[~is_edge], own[~is_edge])
    assert (neighbors[is_edge] != own[is_edge]).all()
    edges = list(zip(own[is_edge], neighbors[is_edge], strict=True))
    assert len(set(edges)) == len(edges)


@each_graph
@each_mode
def test_degrees_are_sums_of_weights(name, symmetrize):
    graph = affinity(GRAPHS[name](), symmetrize=symmetrize)

    # At most n float32 additions of positive weights.
    np.testing.assert_allclose(graph.degrees, oracles.dense(graph).sum(axis=1), rtol=NUM_POINTS * 2.0**-24)


def test_a_hub_keeps_every_edge_that_comes_in():
    graph = affinity(star())

    from_hub = oracles.dense(graph)[0]
    assert (from_hub[1:] > 0).all()


def test_a_mutual_graph_may_leave_a_node_alone():
    graph = affinity(star(), symmetrize="mutual")

    degrees = oracles.dense(graph).sum(axis=1)
    np.testing.assert_array_equal(graph.degrees[degrees == 0], 0.0)
    assert (degrees == 0).any()


@each_mode
def test_the_graph_does_not_depend_on_scale_rotation_or_shift(symmetrize):
    features = pools.gaussian(NUM_POINTS, 2)
    angle = 0.7
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (1000 * features @ rotation + 5).astype(np.float32)

    graph = affinity(pools.knn(moved, NUM_NEIGHBORS), symmetrize=symmetrize)

    # Rounding the moved coordinates costs 2^-24 of their size, some hundred times that of the nearest distances.
    expected = oracles.dense(affinity(pools.knn(features, NUM_NEIGHBORS), symmetrize=symmetrize))
    np.testing.assert_allclose(oracles.dense(graph), expected, rtol=1e-4)


@pytest.mark.parametrize("symmetrize", ["max", "none"])
def test_a_callers_jit_and_vmap_change_no_bit(symmetrize):
    graphs = [GRAPHS[name]() for name in ("gaussian", "star", "duplicates")]
    stacked = jax.tree.map(lambda *arrays: jnp.stack(arrays), *graphs)

    tables = jax.jit(jax.vmap(functools.partial(affinity, symmetrize=symmetrize)))(stacked)

    for i, knn in enumerate(graphs):
        one = affinity(knn, symmetrize=symmetrize)
        jax.tree.map(np.testing.assert_array_equal, jax.tree.map(lambda table, i=i: table[i], tables), one)


def test_next_to_a_clump_of_duplicates_self_tuning_falls_back_on_the_width_that_is_left():
    features = np.concatenate([np.zeros((5, 1)), [[1.0], [2.5]]]).astype(np.float32)

    graph = affinity(knn_graph(features, num_neighbors=3), symmetrize="self_tuning")

    weights = oracles.dense(graph)
    # Point 5 lies at squared distance 1 from three duplicates, its own width being 1 and theirs 0.
    np.testing.assert_allclose(weights[5, :3], np.exp(-1.0), rtol=1e-6)
    np.testing.assert_allclose(weights, weights.T)
