"""Pools that are hard to find exact neighbours in, and what must hold of the answer."""

import numpy as np
import oracles
import pytest

# One shape for most tests. 300 is a multiple of neither the default block (256) nor the re-ranking tile (64).
NUM_POINTS, NUM_FEATURES, NUM_NEIGHBORS = 300, 3, 5


def _duplicates(rng):
    return rng.integers(0, 4, (20, NUM_FEATURES))[rng.integers(0, 20, NUM_POINTS)]


def _far_islands(rng):
    islands = rng.normal(size=(NUM_POINTS, NUM_FEATURES))
    islands[::2] += 1e5
    return islands


def _tight_clusters(rng):
    return rng.normal(size=(6, NUM_FEATURES))[rng.integers(0, 6, NUM_POINTS)] + 1e-3 * rng.normal(
        size=(NUM_POINTS, NUM_FEATURES)
    )


def _far_from_the_origin(rng):
    """The rounding of the mean is as large as the spread: it must be the same on both sides of a distance."""
    clusters = rng.normal(size=(2, NUM_FEATURES))[rng.integers(0, 2, NUM_POINTS)]
    return clusters + 2e-4 * rng.normal(size=(NUM_POINTS, NUM_FEATURES)) + [800, -800, 0]


def _outlier(rng):
    features = rng.normal(size=(NUM_POINTS, NUM_FEATURES))
    features[17] = 1e6
    return features


# Coordinates that are small integers make float32 distances exact, so ties are ties in the oracle too.
POOLS = {
    "gaussian": lambda rng: rng.normal(size=(NUM_POINTS, NUM_FEATURES)),
    "small integers": lambda rng: rng.integers(0, 5, (NUM_POINTS, NUM_FEATURES)),
    "many duplicates": _duplicates,
    "all rows identical": lambda _: np.full((NUM_POINTS, NUM_FEATURES), 0.1),
    "two identical groups": lambda _: np.repeat([[0.1, 0.2, 0.3], [0.1, 0.2, 0.4]], NUM_POINTS // 2, axis=0),
    "two far islands": _far_islands,
    "shifted by 1e4": lambda rng: rng.normal(size=(NUM_POINTS, NUM_FEATURES)) + 1e4,
    "tight clusters": _tight_clusters,
    "tight clusters far from the origin": _far_from_the_origin,
    "one far outlier": _outlier,
    "one column": lambda rng: rng.normal(size=(NUM_POINTS, NUM_FEATURES)) * [1, 0, 0],
}


def pool(name):
    return POOLS[name](np.random.default_rng(0)).astype(np.float32)


each_pool = pytest.mark.parametrize("name", POOLS)


def rounding_of(num_features):
    """Relative error of a sum of squared differences: d + 2 roundings of terms that are never negative."""
    return (num_features + 2) * 2.0**-24


def assert_nearest(neighbors, features, num_neighbors, rows=None):
    """Holds when no point left out is nearer than one listed, up to the rounding of the two distances."""
    rows = np.arange(len(features)) if rows is None else rows
    neighbors = np.asarray(neighbors)
    measured = oracles.squared_distances(features)
    _, expected = oracles.nearest_neighbors(features, num_neighbors)

    assert (neighbors != rows[:, None]).all()
    assert (np.diff(np.sort(neighbors, axis=1), axis=1) > 0).all()
    listed = measured[rows[:, None], neighbors]
    np.testing.assert_allclose(listed, expected[rows], rtol=2 * rounding_of(features.shape[1]))


def assert_same_bits(graph, expected):
    np.testing.assert_array_equal(graph.neighbors, expected.neighbors)
    np.testing.assert_array_equal(graph.sq_distances, expected.sq_distances)
