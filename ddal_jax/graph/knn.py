"""Exact K-nearest-neighbour graph, one block of distances at a time.

The paper needs the K nearest points of every point (Section III, N(i)) and leaves ties, duplicates and rounding open.
Here the graph is a function of the data alone:

1. Select. For a block of rows the matrix form |y|^2 - 2 x.y of the centred features, lowered by its own rounding
   error, gives a lower bound on every squared distance; the K + spare smallest bounds are the candidates.
2. Re-rank. Candidates are measured again by differences of the features as given, summed in a fixed order, and
   ordered by (distance, index). These are the distances returned.
3. Certify. If the K-th distance lies below the bounds of all points that were not candidates, the row is exact.
4. Repair. A row without certificate (duplicates beyond the spares, exact ties, clusters far tighter than their
   distance from the mean) is measured against every point by differences. Rows that coincide are repaired together.

Block size, number of devices and matrix precision can change which rows are certified, never the result.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.graph.smallest import entries_of_best_groups, group_size, k_smallest
from ddal_jax.graph.types import KNNGraph
from ddal_jax.reduction import ordered_sum

METHODS = {"auto": "dense", "dense": "dense"}
DEFAULT_MEMORY_BUDGET = 256 * 2**20
_LARGEST_BLOCK = 256
_RERANK_ROWS = 64


def knn_graph(
    features: Shaped[jax.typing.ArrayLike, "n d"],
    *,
    num_neighbors: int,
    method: str = "auto",
    block_size: int | None = None,
    memory_budget: int | None = None,
) -> KNNGraph:
    """Finds the exact K nearest neighbours of every point, squared Euclidean, self excluded by index.

    Works inside a caller's `jit` and `vmap`. Work is 2 N^2 d multiply-adds, memory O(N K + block_size N).

    Args:
      features: float16, float32, float64 or integers, used as float32.
      num_neighbors: K, in [1, n - 1]. Static.
      method: "dense" measures all pairs; "auto" chooses (today always "dense"). Static.
      block_size: rows whose distances stand in memory together. It never changes the result. Static.
      memory_budget: bytes a block of distances may take when `block_size` is None; 256 MiB if None. Static.

    Returns:
      The graph. Each row is ascending in distance, ties by lower index, and never holds `i` itself; coinciding
      points are neighbours at distance 0.

    Raises:
      ValueError: features empty, not of rank 2, not finite or out of float32's range; K outside [1, n - 1];
        an unknown method; a block size or budget below 1.
      TypeError: features that are not real numbers, settings that are not integers.

    Paper: Section III, the neighbourhoods N(i) of Eq. (1).
    """
    checks.choice("method", method, METHODS)
    features = array_checks.features("features", features)
    num_points = features.shape[0]
    num_neighbors = checks.num_neighbors(num_neighbors, num_points)
    if memory_budget is None:
        memory_budget = DEFAULT_MEMORY_BUDGET
    memory_budget = checks.integer("memory_budget", memory_budget, low=1)
    if block_size is None:
        block_size = max(1, min(_LARGEST_BLOCK, memory_budget // (4 * num_points)))
    block_size = checks.integer("block_size", block_size, low=1)
    return _dense(features, num_neighbors=num_neighbors, block_size=min(block_size, num_points))


class _Candidates(NamedTuple):
    """Points selected for each row, with a bound below which no point was left out."""

    ids: Int[Array, "n q"]
    bound: Float[Array, " n"]


@functools.partial(jax.jit, static_argnames=("num_neighbors", "block_size"))
def _dense(features: Float[Array, "n d"], *, num_neighbors: int, block_size: int) -> KNNGraph:
    candidates = _select(features, num_neighbors=num_neighbors, block_size=block_size)
    graph, certified = _rerank(features, candidates, num_neighbors=num_neighbors)
    return _repair(features, graph, certified)


def num_candidates(num_neighbors: int, num_points: int) -> int:
    """K and the spares that let most rows be certified."""
    return min(num_neighbors + max(6, num_neighbors // 2), num_points - 1)


def _select(features: Float[Array, "n d"], *, num_neighbors: int, block_size: int) -> _Candidates:
    n, d = features.shape
    count = num_candidates(num_neighbors, n)
    # Any centre will do that is the same for rows and columns. Rounded, it is; the division of a plain mean would be
    # contracted with the subtraction in one of them and not in the other.
    centre = lax.reduce_precision(features.mean(axis=0, keepdims=True), exponent_bits=8, mantissa_bits=22)
    centred = features - centre
    # The matrix form errs by at most slack * (|x|^2 + |y|^2), with room for accelerators that accumulate less exactly.
    slack = (d + 8) * 2.0**-22
    sq_norms = jnp.sum(centred * centred, axis=1) * (1 - slack)
    columns = jnp.concatenate([centred, sq_norms[:, None]], axis=1)
    # Copies of the last point fill its group; they change no minimum and are masked with self.
    columns = jnp.pad(columns, ((0, -n % group_size(n, min(count + 1, n))), (0, 0)), mode="edge")
    rows = jnp.concatenate([-2 * centred, jnp.ones((n, 1), features.dtype)], axis=1)
    rows = jnp.pad(rows, ((0, -n % block_size), (0, 0))).reshape(-1, block_size, d + 1)

    def select_block(block):
        tile, row_ids = block
        bounds = lax.dot_general(tile, columns, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)
        # One group more than candidates, since self occupies a place until it is masked.
        near, ids = entries_of_best_groups(bounds, min(count + 1, n))
        near, places = k_smallest(jnp.where((ids == row_ids[:, None]) | (ids >= n), jnp.inf, near), count)
        # Re-ranking breaks ties by place, so candidates stand in the order of their indices.
        return near[:, -1], jnp.sort(jnp.take_along_axis(ids, places, axis=1), axis=1)

    row_ids = jnp.arange(rows.shape[0] * block_size, dtype=jnp.int32).reshape(-1, block_size)
    bound, ids = lax.map(select_block, (rows, row_ids))
    bound = bound.reshape(-1)[:n] + sq_norms
    return _Candidates(ids.reshape(-1, count)[:n], jnp.where(count == n - 1, jnp.inf, bound))


def _rerank(
    features: Float[Array, "n d"], candidates: _Candidates, *, num_neighbors: int
) -> tuple[KNNGraph, Bool[Array, " n"]]:
    n, d = features.shape
    padding = -n % _RERANK_ROWS
    row_ids = jnp.arange(n + padding, dtype=jnp.int32).reshape(-1, _RERANK_ROWS) % n
    ids = jnp.pad(candidates.ids, ((0, padding), (0, 0))).reshape(*row_ids.shape, -1)

    def rerank_tile(tile):
        row_ids, ids = tile
        nearest_first, places = k_smallest(_sq_distances(features, row_ids, ids), num_neighbors)
        return nearest_first, jnp.take_along_axis(ids, places, axis=1)

    sq_distances, neighbors = lax.map(rerank_tile, (row_ids, ids))
    sq_distances = sq_distances.reshape(n + padding, -1)[:n]
    neighbors = neighbors.reshape(n + padding, -1)[:n]
    furthest = sq_distances[:, -1] * (1 + (d + 8) * 2.0**-22)
    return KNNGraph(neighbors, sq_distances), furthest < candidates.bound


def _sq_distances(
    features: Float[Array, "n d"], row_ids: Int[Array, " b"], ids: Int[Array, "b q"]
) -> Float[Array, "b q"]:
    """Measures pairs by differences, coordinate after coordinate: the same bits for a pair wherever it is measured."""
    differences = features[row_ids][:, None, :] - features[ids]
    return ordered_sum(differences * differences, axis=2)


def _repair(features: Float[Array, "n d"], graph: KNNGraph, certified: Bool[Array, " n"]) -> KNNGraph:
    n, num_neighbors = graph.neighbors.shape
    by_coordinate = features.T

    def nearest_of(row):
        # Along points the differences vectorise; what is near is measured once more as everywhere else.
        differences = by_coordinate - by_coordinate[:, row][:, None]
        rough = ordered_sum(differences * differences, axis=0)
        ids = jnp.sort(lax.top_k(-rough, min(num_candidates(num_neighbors, n) + 1, n))[1])
        nearest_first, places = k_smallest(_sq_distances(features, row[None], ids[None]), num_neighbors + 1)
        return nearest_first[0], ids[places[0]]

    def repair_first(state):
        neighbors, sq_distances, certified = state
        row = jnp.argmin(certified)
        nearest_sq_distances, nearest = nearest_of(row)
        # The row itself counts even where it holds NaN and equals nothing, or a traced call would never end.
        coincides = (features == features[row][None]).all(axis=1) | (jnp.arange(n) == row)
        coincides &= ~certified
        # Every point is its own nearest: dropping it from the K + 1 nearest of its place leaves its K neighbours.
        is_self = nearest[None, :] == jnp.arange(n)[:, None]
        own_place = jnp.where(is_self.any(axis=1), is_self.argmax(axis=1), num_neighbors)
        places = jnp.arange(num_neighbors)[None, :]
        places = places + (places >= own_place[:, None])
        return (
            jnp.where(coincides[:, None], nearest[places], neighbors),
            jnp.where(coincides[:, None], nearest_sq_distances[places], sq_distances),
            certified | coincides,
        )

    state = (graph.neighbors, graph.sq_distances, certified)
    neighbors, sq_distances, _ = lax.while_loop(lambda state: ~state[2].all(), repair_first, state)
    return KNNGraph(neighbors, sq_distances)
