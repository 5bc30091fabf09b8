"""Pools and labels that several modules test on. Few shapes, since each new one compiles."""

import jax.numpy as jnp
import numpy as np
import oracles

from ddal_jax import KNNGraph


def gaussian(num_points, num_features, seed=0):
    """A pool without ties."""
    return np.random.default_rng(seed).normal(size=(num_points, num_features)).astype(np.float32)


def knn(features, num_neighbors):
    """The neighbour lists of a pool, by brute force."""
    neighbors, sq_distances = oracles.nearest_neighbors(features, num_neighbors)
    return KNNGraph(jnp.asarray(neighbors, jnp.int32), jnp.asarray(sq_distances, jnp.float32))


def random_labels(num_points, num_labels, num_classes, seed=0):
    """Classes of all points and the mask of those whose class is known."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, num_points).astype(np.int32)
    labeled = np.zeros(num_points, bool)
    labeled[rng.choice(num_points, num_labels, replace=False)] = True
    return labels, labeled
