"""A graph from a list of edges holds those edges and no others."""

import jax.numpy as jnp
import numpy as np
import oracles
import pytest

from ddal_jax import DirectedGraph, Graph, diffuse, graph_from_edges, label_mass, walk

NUM_NODES = 12


def random_edges(seed=0):
    """Each pair at most once; node 5 is a hub, nodes 10 and 11 have no edge."""
    rng = np.random.default_rng(seed)
    pairs = [(i, j) for i in range(10) for j in range(i + 1, 10) if i == 5 or j == 5 or rng.random() < 0.2]
    senders, receivers = np.array(pairs).T
    swapped = rng.random(len(pairs)) < 0.5
    weights = rng.uniform(0.1, 1, len(pairs)).astype(np.float32)
    return np.where(swapped, receivers, senders), np.where(swapped, senders, receivers), weights


def dense_edges(senders, receivers, weights, *, directed):
    matrix = np.zeros((NUM_NODES, NUM_NODES))
    matrix[senders, receivers] = weights
    return matrix if directed else matrix + matrix.T


@pytest.mark.parametrize("row_length", [None, 1, 2, 5])
@pytest.mark.parametrize("directed", [False, True])
def test_the_table_holds_the_edges_given(directed, row_length):
    edges = random_edges()

    graph = graph_from_edges(*edges, num_nodes=NUM_NODES, row_length=row_length, directed=directed)

    assert isinstance(graph, DirectedGraph if directed else Graph)
    np.testing.assert_array_equal(oracles.dense(graph), dense_edges(*edges, directed=directed))
    num_edges = (oracles.dense(graph) > 0).sum(axis=1)
    assert row_length is None or graph.neighbors.shape[1] == row_length
    assert len(graph.owners) == np.maximum(1, np.ceil(num_edges / graph.neighbors.shape[1])).sum()
    assert (np.diff(graph.owners) >= 0).all()


@pytest.mark.parametrize("row_length", [1, 2, 5])
@pytest.mark.parametrize("directed", [False, True])
def test_a_walk_steps_from_sender_to_receiver(directed, row_length):
    edges = random_edges()
    graph = graph_from_edges(*edges, num_nodes=NUM_NODES, row_length=row_length, directed=directed)
    signal = np.random.default_rng(1).normal(size=(NUM_NODES, 2)).astype(np.float32)

    after = walk(graph, jnp.asarray(signal))

    expected = oracles.transition(dense_edges(*edges, directed=directed)) @ signal
    np.testing.assert_allclose(after, expected, atol=1e-6)  # a mean of at most 11 float32 values near 1


@pytest.mark.parametrize("directed", [False, True])
def test_nodes_without_edges_are_never_reached(directed):
    graph = graph_from_edges(*random_edges(), num_nodes=NUM_NODES, row_length=2, directed=directed)
    labeled = jnp.arange(NUM_NODES) == 5
    mass = label_mass(jnp.zeros(NUM_NODES, jnp.int32), labeled, num_classes=2)

    after = diffuse(graph, mass, labeled, num_steps=20)

    np.testing.assert_array_equal(after[10:], 0.0)
    np.testing.assert_array_equal(graph.degrees[10:], 0.0)


def test_a_graph_may_have_no_edge_at_all():
    nothing = np.array([], np.int64)

    graph = graph_from_edges(nothing, nothing, np.array([], np.float32), num_nodes=3)

    np.testing.assert_array_equal(oracles.dense(graph), np.zeros((3, 3)))


def test_weights_are_kept_to_the_bit():
    weights = np.array([np.finfo(np.float32).tiny, 0.1, 3e38], np.float32)

    graph = graph_from_edges(np.array([0, 1, 2]), np.array([1, 2, 3]), weights, num_nodes=4, directed=True)

    np.testing.assert_array_equal(oracles.dense(graph)[[0, 1, 2], [1, 2, 3]], weights)
