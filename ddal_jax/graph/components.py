"""Which nodes of a symmetric graph hang together."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int

from ddal_jax.graph.types import Graph


def components(graph: Graph) -> Int[Array, " n"]:
    """Returns the lowest index of the nodes connected to each node.

    Each round takes the lowest index among the neighbours and then that node's own lowest, which doubles the paths
    known, until nothing changes.
    """
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
