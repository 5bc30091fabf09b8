"""Seeded inputs of every kernel. Graphs are built by the library from clustered points on a curved manifold."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from benchmarks.sizes import Sizes
from ddal_jax import affinity, knn_graph, label_mass
from ddal_jax.graph.types import AnyGraph, KNNGraph

_NUM_CLUSTERS = 10
_MANIFOLD_DIMS = 10
_NOISE = 0.05
_SHARE_OF_ZEROS = 0.6


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


def features(sizes: Sizes, seed: int) -> tuple[Float[Array, "n d"]]:
    """Input of `knn`."""
    return (jnp.asarray(manifold(sizes.points, sizes.dims, seed)),)


def neighborhoods(sizes: Sizes, seed: int) -> tuple[KNNGraph]:
    """Input of `affinity`."""
    return (_knn(sizes.points, sizes.dims, sizes.neighbors, seed),)


def directed_start(sizes: Sizes, seed: int) -> tuple[AnyGraph, Float[Array, "n c"], Bool[Array, " n"]]:
    """Input of `diffusion_directed`: the graph of Eq. (1) as printed, labelled mass, the mask of labels."""
    return (_graph(sizes.points, sizes.dims, sizes.neighbors, seed, "none"), *_labels(sizes, seed))


def symmetric_start(sizes: Sizes, seed: int) -> tuple[AnyGraph, Float[Array, "n c"], Bool[Array, " n"]]:
    """Input of `diffusion`: the same with the symmetrised graph."""
    return (_graph(sizes.points, sizes.dims, sizes.neighbors, seed, "max"), *_labels(sizes, seed))


def question(sizes: Sizes, seed: int) -> tuple[Array, AnyGraph, Float[Array, "n c"], Bool[Array, " n"]]:
    """Input of `query`: a key in front of `symmetric_start`."""
    return (jax.random.key(seed), *symmetric_start(sizes, seed))


def batch_question(
    sizes: Sizes, seed: int
) -> tuple[Array, AnyGraph, Float[Array, "n c"], Bool[Array, " n"], Float[Array, "n d"]]:
    """Input of the batch rules: `question`, and for peers without a graph the features that its graph stands on."""
    return (*question(sizes, seed), jnp.asarray(manifold(sizes.points, sizes.dims, seed)))


def tied_scores(sizes: Sizes, seed: int) -> tuple[Array, Float[Array, " n"], Bool[Array, " n"]]:
    """Input of `selection`: a key, scores of which 60% are exactly 0, one point in a hundred labelled."""
    rng = np.random.default_rng([seed, 2])
    scores = np.where(rng.random(sizes.points) < _SHARE_OF_ZEROS, 0.0, rng.random(sizes.points))
    return jax.random.key(seed), jnp.asarray(scores, jnp.float32), jnp.asarray(_labeled(sizes.points, seed))


def is_key(array: Array) -> bool:
    """Tells random keys from arrays of numbers: they have neither a size in bytes nor a NumPy form."""
    return jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key)


def _labeled(points: int, seed: int) -> Bool[np.ndarray, " n"]:
    chosen = np.random.default_rng([seed, 3]).choice(points, max(10, points // 100), replace=False)
    return np.isin(np.arange(points), chosen)


def _labels(sizes: Sizes, seed: int) -> tuple[Float[Array, "n c"], Bool[Array, " n"]]:
    labeled = _labeled(sizes.points, seed)
    labels = clusters(sizes.points, seed) % sizes.classes
    return label_mass(labels, labeled, num_classes=sizes.classes), jnp.asarray(labeled)


# The graph costs more than most kernels on it, so the last ones are kept while other sizes vary.
@functools.lru_cache(maxsize=8)
def _knn(points: int, dims: int, neighbors: int, seed: int) -> KNNGraph:
    return knn_graph(manifold(points, dims, seed), num_neighbors=neighbors)


@functools.lru_cache(maxsize=8)
def _graph(points: int, dims: int, neighbors: int, seed: int, symmetrize: str) -> AnyGraph:
    return affinity(_knn(points, dims, neighbors, seed), symmetrize=symmetrize)
