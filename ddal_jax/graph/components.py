"""Which nodes of a symmetric graph hang together."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int

from ddal_jax.graph.types import AnyGraph, DirectedGraph, Graph, check_graph


def components(graph: AnyGraph) -> Int[Array, " n"]:
    """Returns the lowest index of the nodes connected to each node.

    Labels never diffuse from one component to another. Works inside a caller's `jit` and `vmap`.

    Args:
      graph: symmetric.

    Raises:
      TypeError: a `DirectedGraph`, in which being connected is no mutual relation.
    """
    return _components(symmetric("graph", graph))


def symmetric(name: str, graph: Any) -> Graph:
    """Returns a `Graph`, or refuses what is none."""
    if isinstance(check_graph(name, graph), DirectedGraph):
        raise TypeError(
            f"{name} must be symmetric, since the walk on a DirectedGraph may have complex eigenvalues and too few "
            "eigenvectors; got a DirectedGraph. Build it with affinity(knn, symmetrize=...) and one of 'max', 'mean', "
            "'mutual', 'self_tuning'."
        )
    return graph


@jax.jit
def _components(graph: Graph) -> Int[Array, " n"]:
    # Each round takes the lowest index among the neighbours and then that node's own lowest, which doubles the paths
    # known, until nothing changes.
    n = graph.degrees.shape[0]

    def advance(state):
        lowest, _ = state
        rows = jnp.where(graph.weights > 0, lowest[graph.neighbors], n).min(axis=1)
        beside = jax.ops.segment_min(rows, graph.owners, num_segments=n, indices_are_sorted=True)
        lower = jnp.minimum(lowest, beside)
        lower = lower[lower]
        return lower, (lower != lowest).any()

    start = (jnp.arange(n, dtype=jnp.int32), jnp.asarray(True))
    return lax.while_loop(lambda state: state[1], advance, start)[0]
