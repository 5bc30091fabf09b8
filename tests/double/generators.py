"""Random graphs and labels that the claims are tried on. Few shapes, since each new one compiles.

Hypothesis draws what a failure is best told by (family, size, K, mode, label set, T) and a seed for the rest.
"""

import hypothesis
import jax.numpy as jnp
import numpy as np
import oracles
from hypothesis import strategies as st

from ddal_jax import DirectedGraph, KNNGraph, affinity, graph_from_edges

# Every graph is held in one table of this many nodes; smaller ones leave isolated nodes, which nothing reaches.
NUM_NODES = 24
ROW_LENGTH = 8
# K and how W is made symmetric. Each pair compiles, which takes longest of all: few where few examples are tried.
DIRECTED = [(1, "none"), (5, "none")]
SYMMETRIC = [(5, "max")]
if hypothesis.settings.default.max_examples > 100:
    DIRECTED += [(2, "none"), (8, "none")]
    SYMMETRIC += [(1, "max"), (8, "max"), (5, "mean"), (1, "mean")]

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(2, NUM_NODES)
densities = st.floats(0.05, 0.5)
label_sets = st.sets(st.integers(0, NUM_NODES - 1), min_size=1, max_size=5)


def table(weights, *, directed=False, dtype=np.float64):
    """The library's graph of a dense matrix W, in a table whose shape depends on the number of nodes alone."""
    senders, receivers = np.nonzero(weights if directed else np.triu(weights))
    listed = weights[senders, receivers].astype(dtype)
    return widened(
        graph_from_edges(senders, receivers, listed, num_nodes=len(weights), row_length=ROW_LENGTH, directed=directed)
    )


def as_directed(graph):
    """The same table under the type of a directed graph: a walk reads both alike, and one compilation serves both."""
    return DirectedGraph(*graph)


def widened(graph):
    """Adds empty places and empty last rows up to what a complete graph would need."""
    neighbors, weights, owners, degrees = map(np.asarray, graph)
    n = len(degrees)
    num_rows = n * -(-(n - 1) // ROW_LENGTH)
    all_owners = np.full(num_rows, n - 1, np.int32)
    all_owners[: len(owners)] = owners
    places = np.repeat(all_owners[:, None], ROW_LENGTH, axis=1)
    places[: len(owners), : neighbors.shape[1]] = neighbors
    all_weights = np.zeros(places.shape, weights.dtype)
    all_weights[: len(owners), : neighbors.shape[1]] = weights
    return type(graph)(*map(jnp.asarray, (places, all_weights, all_owners, degrees)))


def connected(seed, size, density):
    """W of a random tree with further edges, weights in [.1, 1]."""
    random = np.random.default_rng(seed)
    edges = np.triu(random.random((size, size)) < density, k=1)
    for node in range(1, size):
        edges[random.integers(node), node] = True
    return _undirected(edges * random.uniform(0.1, 1, (size, size)))


def hub(seed, size):
    """W of a star with a few further edges: one node has every other for a neighbour."""
    weights = connected(seed, size, 0.05)
    weights[0, 1:] = np.random.default_rng(seed).uniform(0.1, 1, size - 1)
    weights[1:, 0] = weights[0, 1:]
    return weights


def bipartite(seed, size, inner):
    """W with edges between even and odd nodes alone, but for a factor `inner` on others: eigenvalues near -1."""
    random = np.random.default_rng(seed)
    weights = connected(seed, size, 0.4)
    parity = np.arange(size) % 2
    across = parity[:, None] != parity
    path = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) == 1
    kept = np.where(across, weights, inner * weights)
    return np.maximum(kept, path * random.uniform(0.1, 1))


def blocks(seed, size, num_cross, exponent, first=None):
    """W of two connected blocks, halves if not told, and up to three edges of weight 10^exponent between them."""
    random = np.random.default_rng(seed)
    first = size // 2 if first is None else first
    weights = np.zeros((size, size))
    weights[:first, :first] = connected(seed, first, 0.3)
    weights[first:, first:] = connected(seed + 1, size - first, 0.3)
    for _ in range(num_cross):
        start, end = random.integers(first), random.integers(first, size)
        weights[start, end] = weights[end, start] = 10.0**exponent
    return weights


def _undirected(weights):
    upper = np.triu(weights, k=1)
    return upper + upper.T


def of_size(size):
    """Connected symmetric matrices of `size` nodes: random, with a hub, almost bipartite, almost in two."""
    families = [
        st.builds(connected, seeds, st.just(size), densities),
        st.builds(hub, seeds, st.just(size)),
        st.builds(bipartite, seeds, st.just(size), st.sampled_from([0.0, 1e-3, 0.1])),
    ]
    if size >= 4:
        families.append(st.builds(blocks, seeds, st.just(size), st.integers(1, 3), st.floats(-8, -1)))
    return st.one_of(families)


def features(seed, dimension, duplicates):
    """Normal points, the second half copies of points in the first if `duplicates`."""
    random = np.random.default_rng(seed)
    points = random.normal(size=(NUM_NODES, dimension))
    if duplicates:
        points[NUM_NODES // 2 :] = points[random.integers(0, NUM_NODES // 2, NUM_NODES - NUM_NODES // 2)]
    return points


def knn(points, num_neighbors):
    """The neighbour lists of a pool, by brute force and in float64."""
    neighbors, sq_distances = oracles.nearest_in_float64(points, num_neighbors)
    return KNNGraph(jnp.asarray(neighbors, jnp.int32), jnp.asarray(sq_distances))


def neighborhood(seed, dimension, duplicates, setting):
    """The library's graph on a random pool."""
    num_neighbors, mode = setting
    return widened(affinity(knn(features(seed, dimension, duplicates), num_neighbors), symmetrize=mode))


def neighborhoods(settings):
    """Graphs on random pools of 1 to 5 dimensions, with and without duplicates."""
    return st.builds(neighborhood, seeds, st.integers(1, 5), st.booleans(), st.sampled_from(settings))


def padded(weights):
    """Adds isolated nodes."""
    missing = max(0, NUM_NODES - len(weights))
    return np.pad(weights, ((0, missing), (0, missing)))


small_weights = sizes.flatmap(of_size).map(padded)
symmetric_graphs = st.one_of(small_weights.map(table), neighborhoods(SYMMETRIC))
directed_graphs = neighborhoods(DIRECTED)
graphs = st.one_of(symmetric_graphs, directed_graphs)
# All nodes with edges hang together; tiny graphs included.
connected_weights = st.sampled_from([2, 3, 9, 16, 24]).flatmap(of_size).map(padded)
# Two halves of twelve nodes, numbered one after the other.
two_blocks = st.builds(blocks, seeds, st.just(NUM_NODES), st.integers(1, 3), st.floats(-8, -1))


def mask(label_set, size=NUM_NODES):
    """True at the nodes of a set; numbers beyond the last node count on from the first."""
    labeled = np.zeros(size, bool)
    labeled[[node % size for node in label_set]] = True
    return labeled


def classes(seed, num_classes, size=NUM_NODES):
    """A class for every node."""
    return np.random.default_rng(seed).integers(0, num_classes, size).astype(np.int32)
