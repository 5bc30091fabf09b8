"""Small symmetric graphs given by their weight matrix, all of one shape, and their spectra by dense float64 algebra."""

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from ddal_jax import Graph

NUM_NODES = 12


def graph_of(weights):
    """A table of one full row per node, so that all graphs of a size share what is compiled."""
    weights = np.asarray(weights, np.float32)
    n = len(weights)
    nodes = np.arange(n, dtype=np.int32)
    neighbors = np.where(weights > 0, nodes[None, :], nodes[:, None])
    degrees = weights.astype(np.float64).sum(axis=1).astype(np.float32)
    return Graph(*map(jnp.asarray, (neighbors, weights, nodes, degrees)))


def random_weights(seed, num_nodes=NUM_NODES):
    """A random tree and random edges beside it: connected, weights in [0.1, 1] as float32 holds them."""
    random = np.random.default_rng(seed)
    weights = np.zeros((num_nodes, num_nodes))
    for node in range(1, num_nodes):
        weights[node, random.integers(node)] = random.uniform(0.1, 1)
    extra = np.tril(random.uniform(size=weights.shape) < 0.3, -1)
    weights = np.where(extra, random.uniform(0.1, 1, weights.shape), weights)
    return (weights + weights.T).astype(np.float32).astype(np.float64)


def path_weights(num_nodes=NUM_NODES):
    return np.eye(num_nodes, k=1) + np.eye(num_nodes, k=-1)


def cycle_weights(num_nodes=NUM_NODES):
    steps = np.roll(np.eye(num_nodes), 1, axis=1)
    return steps + steps.T


def complete_weights(num_nodes):
    return 1 - np.eye(num_nodes)


def blocks_weights(first, second, bridge):
    """Two complete graphs and one edge between them."""
    weights = scipy.linalg.block_diag(complete_weights(first), complete_weights(second))
    weights[0, first] = weights[first, 0] = bridge
    return weights


def eigenpairs(weights):
    """Eigenvalues of M, descending, and eigenvectors with Phi^T D Phi = I."""
    values, vectors = scipy.linalg.eigh(weights, np.diag(weights.sum(axis=1)))
    return values[::-1].copy(), vectors[:, ::-1].copy()


def dot(weights, signal, other):
    """The inner product by degrees."""
    return float((weights.sum(axis=1) * signal * other).sum())


def centered(weights, signal):
    degrees = weights.sum(axis=1)
    return signal - (degrees * signal).sum() / degrees.sum()


def labeled_at(*nodes):
    return np.isin(np.arange(NUM_NODES), nodes)
