"""Edge weights of Eq. (1): w_ij = exp(-rho_ij / sigma_i), and the ways to make them symmetric.

rho is the squared distance and sigma_i the squared distance to the K-th neighbour, so every weight lies in [1/e, 1] and
the graph does not depend on the scale of the features. The printed sigma_ij maximises over its own second index, which
leaves sigma_i alone and W directed, while Eq. (4), Eq. (7) and Lemma 1 need W = W^T. The default "max" is
max(W, W^T) = exp(-rho_ij / max(sigma_i, sigma_j)) on the union of both neighbourhoods: the natural repair.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ddal_jax import array_checks, checks
from ddal_jax.graph.table import degrees_of, symmetric_table
from ddal_jax.graph.types import DirectedGraph, Graph, KNNGraph


class _Edges(NamedTuple):
    """What the weight of an edge i -> j can depend on."""

    sq_distances: Float[Array, "n k"]
    own_width: Float[Array, "n k"]
    other_width: Float[Array, "n k"]
    mutual: Bool[Array, "n k"]


def affinity(knn: KNNGraph, *, symmetrize: str = "max") -> Graph | DirectedGraph:
    """Turns distances to neighbours into the weighted graph that labels diffuse on.

    Works inside a caller's `jit` and `vmap`. Work is O(N K^2).

    Args:
      knn: neighbourhoods of the pool.
      symmetrize: "max" takes max(W, W^T), "mean" (W + W^T) / 2, "mutual" min(W, W^T) (only edges that both ends
        list: nodes may be left alone), "self_tuning" exp(-rho_ij / sqrt(sigma_i sigma_j)) on the union; "none" keeps W
        as printed, directed. Static.

    Returns:
      A `Graph`, or a `DirectedGraph` for "none". Where the width is 0 (all K neighbours of a node coincide with it) the
      weight is 1, so that no node is cut off by its duplicates; in "self_tuning" a single width of 0 gives way to the
      other. There alone an edge may weigh less than float32 can hold; it is then absent.

    Raises:
      ValueError: an unknown `symmetrize`; neighbours out of range, distances that are negative or not finite, two
        arrays that do not fit; more than 2^31 - 1 edges in a symmetric graph.
      TypeError: `knn` is no `KNNGraph`, or its indices are no integers.

    Paper: Eq. (1) and (2), Section III.
    """
    weigh = SYMMETRIZATIONS[checks.choice("symmetrize", symmetrize, SYMMETRIZATIONS)]
    _check_knn(knn)
    n, k = knn.neighbors.shape
    if weigh is None:
        return _directed(knn)
    if max(n * k, 3 * n) > checks.INT32_MAX:
        raise ValueError(
            f"knn must have at most {checks.INT32_MAX} edges to be made symmetric, since edges are counted in int32; "
            f"got {n} nodes with {k} neighbors."
        )
    return _symmetric(knn, weigh=weigh)


def _check_knn(knn: KNNGraph) -> None:
    if not isinstance(knn, KNNGraph):
        raise TypeError(f"knn must be a KNNGraph, as knn_graph returns it; got {type(knn).__name__}.")
    checks.rank("knn.neighbors", knn.neighbors, 2, "[n, k]")
    if knn.neighbors.shape != knn.sq_distances.shape:
        raise ValueError(
            f"knn must have as many sq_distances as neighbors; got shapes {knn.sq_distances.shape} and "
            f"{knn.neighbors.shape}."
        )
    num_points = knn.neighbors.shape[0]
    array_checks.indices("knn.neighbors", knn.neighbors, high=num_points - 1)
    if array_checks.is_concrete(knn.sq_distances):
        smallest = np.min(array_checks.real("knn.sq_distances", knn.sq_distances))
        if smallest < 0:
            raise ValueError(f"knn.sq_distances must not be negative; got {smallest}.")


def _kernel(sq_distances: Float[Array, "n k"], width: Float[Array, "n k"]) -> Float[Array, "n k"]:
    has_width = width > 0
    return jnp.where(has_width, jnp.exp(-sq_distances / jnp.where(has_width, width, 1.0)), 1.0)


def _max(edges: _Edges) -> Float[Array, "n k"]:
    return _kernel(edges.sq_distances, jnp.maximum(edges.own_width, edges.other_width))


def _mean(edges: _Edges) -> Float[Array, "n k"]:
    forth = _kernel(edges.sq_distances, edges.own_width)
    back = jnp.where(edges.mutual, _kernel(edges.sq_distances, edges.other_width), 0.0)
    return (forth + back) / 2


def _mutual(edges: _Edges) -> Float[Array, "n k"]:
    nearer = _kernel(edges.sq_distances, jnp.minimum(edges.own_width, edges.other_width))
    return jnp.where(edges.mutual, nearer, 0.0)


def _self_tuning(edges: _Edges) -> Float[Array, "n k"]:
    width = jnp.sqrt(edges.own_width) * jnp.sqrt(edges.other_width)
    # Next to a clump of duplicates one width is 0: the other one then sets the scale.
    return _kernel(edges.sq_distances, jnp.where(width > 0, width, jnp.maximum(edges.own_width, edges.other_width)))


SYMMETRIZATIONS: dict[str, Callable[[_Edges], Float[Array, "n k"]] | None] = {
    "max": _max,
    "mean": _mean,
    "mutual": _mutual,
    "self_tuning": _self_tuning,
    "none": None,
}


@jax.jit
def _directed(knn: KNNGraph) -> DirectedGraph:
    n = knn.neighbors.shape[0]
    owners = jnp.arange(n, dtype=jnp.int32)
    weights = _kernel(knn.sq_distances, jnp.broadcast_to(knn.sq_distances[:, -1:], knn.sq_distances.shape))
    return DirectedGraph(knn.neighbors, weights, owners, degrees_of(weights, owners, n))


@functools.partial(jax.jit, static_argnames="weigh")
def _symmetric(knn: KNNGraph, *, weigh: Callable[[_Edges], Float[Array, "n k"]]) -> Graph:
    neighbors, sq_distances = knn
    n, k = neighbors.shape
    width = sq_distances[:, -1]
    mutual = (neighbors[neighbors] == jnp.arange(n, dtype=jnp.int32)[:, None, None]).any(axis=2)
    weights = weigh(_Edges(sq_distances, jnp.broadcast_to(width[:, None], (n, k)), width[neighbors], mutual))
    return symmetric_table(neighbors, weights, ~mutual & (weights > 0), num_rows=3 * n)
