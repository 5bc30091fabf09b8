"""Seeded inputs of every kernel but training. Graphs are built by the library from seeded points.

Graphs of more than 200,000 points, and those with hubs, are drawn: each point gets K different neighbours at random,
which is the hardest order in which a diffusion can meet them.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import sklearn.linear_model
from jaxtyping import Array, Bool, Float, Int

from benchmarks.sizes import Sizes
from ddal_jax import affinity, knn_graph, label_mass
from ddal_jax.graph.types import AnyGraph, KNNGraph
from ddal_jax.strategies import Pool

_NUM_CLUSTERS = 10
_MANIFOLD_DIMS = 10
_NOISE = 0.05
_TIGHTNESS = 0.01
_OFFSET = 1e4
_SHARE_OF_ZEROS = 0.6
_MOST_BUILT = 200_000
# A share x of all edges ends in a share x ** _HUBNESS of the points.
_EVEN, _HUBNESS = 1, 2
_KNOWN = 100
# How far the centres of blobs lie from their mean, in standard deviations of a blob.
_BLOB_DIMS = 10
_BLOB_RADIUS = {2: 1.5, 10: 2.5}


def clusters(points: int, seed: int) -> Int[np.ndarray, " n"]:
    """Draws which of the ten clusters each point comes from."""
    return np.random.default_rng([seed, 0]).integers(0, _NUM_CLUSTERS, points)


def manifold(points: int, dims: int, seed: int) -> Float[np.ndarray, "n d"]:
    """Draws ten clusters on a 10-dimensional manifold, bent into `dims` dimensions, plus noise.

    The manifold is the same for every seed; the points on it are not.
    """
    shape_rng, rng = np.random.default_rng(0), np.random.default_rng([seed, 1])
    centres = shape_rng.normal(scale=2.0, size=(_NUM_CLUSTERS, _MANIFOLD_DIMS))
    directions = shape_rng.normal(size=(2 * _MANIFOLD_DIMS, dims)) / np.sqrt(dims)
    latent = centres[clusters(points, seed)] + rng.normal(size=(points, _MANIFOLD_DIMS))
    bent = np.concatenate([latent, np.sin(latent)], axis=1) @ directions
    return (bent + rng.normal(scale=_NOISE, size=bent.shape)).astype(np.float32)


def tight_clusters(points: int, dims: int, seed: int) -> Float[np.ndarray, "n d"]:
    """Draws ten clusters whose spread is one hundredth of that of their centres."""
    rng = np.random.default_rng([seed, 4])
    centres = rng.normal(size=(_NUM_CLUSTERS, dims))
    own = rng.normal(scale=_TIGHTNESS, size=(points, dims))
    return (centres[clusters(points, seed)] + own).astype(np.float32)


def blobs(points: int, num_blobs: int, seed: int) -> Float[np.ndarray, "n d"]:
    """Draws overlapping Gaussian blobs in 10 dimensions: two leave a clear gap below lambda_2, ten do not."""
    rng = np.random.default_rng([seed, 5])
    centres = np.random.default_rng(1).normal(size=(num_blobs, _BLOB_DIMS))
    if num_blobs == 2:
        centres[1] = -centres[0]
    centres *= _BLOB_RADIUS[num_blobs] / np.linalg.norm(centres, axis=1, keepdims=True)
    return (centres[np.arange(points) % num_blobs] + rng.normal(size=(points, _BLOB_DIMS))).astype(np.float32)


def features(sizes: Sizes, seed: int) -> tuple[Float[Array, "n d"]]:
    """Input of `knn`."""
    return (jnp.asarray(manifold(sizes.points, sizes.dims, seed)),)


def tight_features(sizes: Sizes, seed: int) -> tuple[Float[Array, "n d"]]:
    """Input of `knn_tight`."""
    return (jnp.asarray(tight_clusters(sizes.points, sizes.dims, seed)),)


def offset_features(sizes: Sizes, seed: int) -> tuple[Float[Array, "n d"]]:
    """Input of `knn_offset`: that of `knn`, 10,000 away from the origin in every direction."""
    return (jnp.asarray(manifold(sizes.points, sizes.dims, seed) + np.float32(_OFFSET)),)


def neighborhoods(sizes: Sizes, seed: int) -> tuple[KNNGraph]:
    """Input of `affinity`."""
    return (_knn(sizes.points, sizes.dims, sizes.neighbors, seed),)


def directed_start(sizes: Sizes, seed: int) -> tuple[AnyGraph, Float[Array, "n c"], Bool[Array, " n"]]:
    """Input of `diffusion_directed`: the graph of Eq. (1) as printed, labelled mass, the mask of labels."""
    return (_graph(sizes.points, sizes.dims, sizes.neighbors, seed, "none"), *_labels(sizes, seed))


def symmetric_start(sizes: Sizes, seed: int) -> tuple[AnyGraph, Float[Array, "n c"], Bool[Array, " n"]]:
    """Input of `diffusion`: the same with the symmetrised graph."""
    return (_graph(sizes.points, sizes.dims, sizes.neighbors, seed, "max"), *_labels(sizes, seed))


def hubs_start(sizes: Sizes, seed: int) -> tuple[AnyGraph, Float[Array, "n c"], Bool[Array, " n"]]:
    """Input of `diffusion_hubs`: the same with a drawn graph in which a few points are neighbours of thousands."""
    return (_graph_with_hubs(sizes.points, sizes.neighbors, seed), *_labels(sizes, seed))


def question(sizes: Sizes, seed: int) -> tuple[Array, AnyGraph, Float[Array, "n c"], Bool[Array, " n"]]:
    """Input of `query`: a key in front of `symmetric_start`."""
    return (jax.random.key(seed), *symmetric_start(sizes, seed))


def batch_question(
    sizes: Sizes, seed: int
) -> tuple[Array, AnyGraph, Float[Array, "n c"], Bool[Array, " n"], Float[Array, "n d"]]:
    """Input of the batch rules: `question`, and for peers without a graph the features that its graph stands on."""
    return (*question(sizes, seed), jnp.asarray(manifold(sizes.points, sizes.dims, seed)))


def judged_pool(sizes: Sizes, seed: int) -> tuple[Array, Pool]:
    """Input of the strategies: a key and a pool with about 100 labels, and what a regression on them says of it."""
    given = manifold(sizes.points, sizes.dims, seed)
    labels = clusters(sizes.points, seed) % sizes.classes
    # One of each class at least, or the classifier would not know it.
    first = np.unique(labels, return_index=True)[1]
    others = np.random.default_rng([seed, 6]).permutation(sizes.points)
    rows = np.unique(np.concatenate([first, others[: most_known(sizes) - sizes.classes]]))
    labeled = np.isin(np.arange(sizes.points), rows)
    probs = classifier().fit(given[rows], labels[rows]).predict_proba(given).astype(np.float32)
    known = jnp.asarray(np.where(labeled, labels, -1), jnp.int32)
    return jax.random.key(seed), Pool(jnp.asarray(given), jnp.asarray(probs), None, known, jnp.asarray(labeled))


def most_known(sizes: Sizes) -> int:
    """Returns how many labels a `judged_pool` has at most."""
    return min(_KNOWN, sizes.points // 10) + sizes.classes


def classifier() -> sklearn.linear_model.LogisticRegression:
    """Returns what says how probable the classes are, unfitted: the same for ours and for peers."""
    return sklearn.linear_model.LogisticRegression(max_iter=1000)


def two_blobs(sizes: Sizes, seed: int) -> tuple[Array, AnyGraph]:
    """Input of `spectrum`: a key and a graph with a clear gap between lambda_2 and lambda_3."""
    return jax.random.key(seed), _graph_of_blobs(sizes.points, sizes.neighbors, 2, seed)


def ten_blobs(sizes: Sizes, seed: int) -> tuple[Array, AnyGraph]:
    """Input of `spectrum_close`: a key and a graph whose leading eigenvalues lie close."""
    return jax.random.key(seed), _graph_of_blobs(sizes.points, sizes.neighbors, 10, seed)


def tied_scores(sizes: Sizes, seed: int) -> tuple[Array, Float[Array, " n"], Bool[Array, " n"]]:
    """Input of `selection`: a key, scores of which 60% are exactly 0, one point in a hundred labelled."""
    rng = np.random.default_rng([seed, 2])
    scores = np.where(rng.random(sizes.points) < _SHARE_OF_ZEROS, 0.0, rng.random(sizes.points))
    return jax.random.key(seed), jnp.asarray(scores, jnp.float32), jnp.asarray(_labeled(sizes.points, seed))


def is_key(array: Array) -> bool:
    """Tells random keys from arrays of numbers: they have neither a size in bytes nor a NumPy form."""
    return jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key)


def drawn_neighborhoods(points: int, neighbors: int, seed: int, *, hubness: float) -> KNNGraph:
    """Draws K different neighbours of each point, none its own, and rising distances to them.

    Args:
      points: N.
      neighbors: K.
      seed: of all draws.
      hubness: 1 draws all points alike; with 2 the most popular point is drawn by one edge in sqrt(N).
    """
    rng = np.random.default_rng([seed, 7])
    names = rng.permutation(points).astype(np.int32)
    chosen = np.empty((points, neighbors), np.int32)
    rows = np.arange(points, dtype=np.int32)
    while len(rows):
        drawn = names[(points * rng.random((len(rows), neighbors)) ** hubness).astype(np.int64)]
        in_order = np.sort(drawn, axis=1)
        fits = (in_order[:, 1:] != in_order[:, :-1]).all(axis=1) & (drawn != rows[:, None]).all(axis=1)
        chosen[rows[fits]] = drawn[fits]
        rows = rows[~fits]
    distances = np.sort(rng.random((points, neighbors), np.float32), axis=1)
    return KNNGraph(jnp.asarray(chosen), jnp.asarray(distances))


def _labeled(points: int, seed: int) -> Bool[np.ndarray, " n"]:
    chosen = np.random.default_rng([seed, 3]).choice(points, max(10, points // 100), replace=False)
    return np.isin(np.arange(points), chosen)


def _labels(sizes: Sizes, seed: int) -> tuple[Float[Array, "n c"], Bool[Array, " n"]]:
    labeled = _labeled(sizes.points, seed)
    labels = clusters(sizes.points, seed) % sizes.classes
    return label_mass(labels, labeled, num_classes=sizes.classes), jnp.asarray(labeled)


# The graph costs more than most kernels on it, so the last ones are kept while other sizes vary.
@functools.lru_cache(maxsize=4)
def _knn(points: int, dims: int, neighbors: int, seed: int) -> KNNGraph:
    if points > _MOST_BUILT:
        return drawn_neighborhoods(points, neighbors, seed, hubness=_EVEN)
    return knn_graph(manifold(points, dims, seed), num_neighbors=neighbors)


@functools.lru_cache(maxsize=4)
def _graph(points: int, dims: int, neighbors: int, seed: int, symmetrize: str) -> AnyGraph:
    return affinity(_knn(points, dims, neighbors, seed), symmetrize=symmetrize)


@functools.lru_cache(maxsize=2)
def _graph_with_hubs(points: int, neighbors: int, seed: int) -> AnyGraph:
    return affinity(drawn_neighborhoods(points, neighbors, seed, hubness=_HUBNESS), symmetrize="max")


@functools.lru_cache(maxsize=2)
def _graph_of_blobs(points: int, neighbors: int, num_blobs: int, seed: int) -> AnyGraph:
    return affinity(knn_graph(blobs(points, num_blobs, seed), num_neighbors=neighbors), symmetrize="max")
