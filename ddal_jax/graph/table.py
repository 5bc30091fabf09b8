"""The table of padded rows, and the one way it is read.

A hub of a symmetric graph may have thousands of edges. Padding every node to the largest degree wastes two orders of
magnitude, and scattering along edges runs on one core (and in no fixed order on a GPU). So a node's edges are cut into
rows of equal length: rows are gathered and summed on their own, then the sums of one owner are added in order.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ddal_jax.graph.ordering import stable_order
from ddal_jax.graph.types import AnyGraph, Graph
from ddal_jax.reduction import ordered_sum


def weighted_row_sums(weights: Float[Array, "p k"], gathered: Float[Array, "p k c"]) -> Float[Array, "p c"]:
    """Adds up each row's gathered values by weight; the gathered array is never written out on CPU."""
    return ordered_sum(weights[:, :, None] * gathered, axis=1)


def add_rows_of_owners(rows: Float[Array, "p c"], owners: Int[Array, " p"], num_nodes: int) -> Float[Array, "n c"]:
    """Adds the row sums of each node, in the order of the table."""
    if rows.shape[0] == num_nodes:
        # Every node owns a row, so each owns exactly its own.
        return rows
    return jax.ops.segment_sum(rows, owners, num_segments=num_nodes, indices_are_sorted=True)


def weighted_sums(graph: AnyGraph, signal: Float[Array, "n c"]) -> Float[Array, "n c"]:
    """Returns `W @ signal` without forming W."""
    rows = weighted_row_sums(graph.weights, signal[graph.neighbors])
    return add_rows_of_owners(rows, graph.owners, signal.shape[0])


def degrees_of(weights: Float[Array, "p k"], owners: Int[Array, " p"], num_nodes: int) -> Float[Array, " n"]:
    """Returns the sum of each node's weights, added in the order in which `weighted_sums` adds them."""
    rows = weighted_row_sums(weights, jnp.ones((*weights.shape, 1), weights.dtype))
    return add_rows_of_owners(rows, owners, num_nodes)[:, 0]


@functools.partial(jax.jit, static_argnames="num_rows")
def symmetric_table(
    neighbors: Int[Array, "n k"],
    weights: Float[Array, "n k"],
    needs_reverse: Bool[Array, "n k"],
    *,
    num_rows: int,
) -> Graph:
    """Builds the table of a symmetric graph from its out-edges.

    Args:
      neighbors: one row of out-edges per node.
      weights: their symmetric weights; 0 where there is no edge.
      needs_reverse: True for an edge whose other end does not list it; it is appended there.
      num_rows: rows of the table. Static; 3 n always suffices when at most n k edges need a reverse.
    """
    n, k = neighbors.shape
    targets = jnp.where(needs_reverse, neighbors, n).reshape(-1)
    order = stable_order(targets, num_keys=n + 1)
    targets = targets[order]
    sources = order // k

    counts = jnp.zeros(n + 1, jnp.int32).at[targets].add(1)[:n]
    rows_each = 1 + -(-counts // k)
    first_row = jnp.cumsum(rows_each) - rows_each
    first_edge = jnp.cumsum(counts) - counts
    starts = jnp.zeros(num_rows, jnp.int32).at[first_row].set(1)
    owners = jnp.cumsum(starts) - 1  # rows in excess fall to the last node

    # Edges that need no reverse are sent behind the last row, where a scatter drops them.
    present = targets < n
    owner = jnp.where(present, targets, 0)
    position = jnp.arange(n * k, dtype=jnp.int32) - first_edge[owner]
    row = jnp.where(present, first_row[owner] + 1 + position // k, num_rows)
    place = (row, position % k)
    own_edges = jnp.where(weights > 0, neighbors, jnp.arange(n, dtype=jnp.int32)[:, None])
    table = jnp.broadcast_to(owners[:, None], (num_rows, k)).at[first_row].set(own_edges)
    table = table.at[place].set(sources, mode="drop")
    table_weights = jnp.zeros((num_rows, k), weights.dtype).at[first_row].set(weights)
    table_weights = table_weights.at[place].set(weights.reshape(-1)[order], mode="drop")
    return Graph(table, table_weights, owners, degrees_of(table_weights, owners, n))
