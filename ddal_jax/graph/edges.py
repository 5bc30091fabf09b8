"""A graph from a list of edges: grids, citation networks, anything computed elsewhere. NumPy in, graph out."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Shaped

from ddal_jax import checks
from ddal_jax.graph.types import DirectedGraph, Graph


def graph_from_edges(
    senders: Shaped[np.ndarray, " e"],
    receivers: Shaped[np.ndarray, " e"],
    weights: Shaped[np.ndarray, " e"],
    *,
    num_nodes: int,
    row_length: int | None = None,
    directed: bool = False,
) -> Graph | DirectedGraph:
    """Builds a graph from weighted edges.

    Not for use inside `jit`: the number of rows follows from the edges (one or more per node, as many as needed).

    Args:
      senders: node at which each edge starts; a walk steps from the sender to the receiver.
      receivers: node at which it ends.
      weights: finite and above 0. The graph is held in float32; in float64 where JAX's x64 mode is on and they come so.
      num_nodes: n; nodes without edges are allowed and never reached.
      row_length: edges per row of the table; by default the mean degree, rounded up, between 1 and 64.
      directed: keep edges one-way. Otherwise each edge is also walked backwards, and the reverse of a listed edge must
        not be listed again.

    Returns:
      A `Graph`, or a `DirectedGraph` if `directed`.

    Raises:
      ValueError: arrays of different length, nodes outside [0, n - 1], self-loops or repeated edges, weights that are
        not finite and positive.
      TypeError: node indices that are not integers, weights that are not real numbers.
    """
    num_nodes = checks.integer("num_nodes", num_nodes, low=1, high=checks.INT32_MAX)
    senders, receivers = _endpoints("senders", senders, num_nodes), _endpoints("receivers", receivers, num_nodes)
    weights = np.asarray(weights)
    checks.rank("weights", weights, 1, "[e]")
    if weights.dtype.kind not in "fiu":
        raise TypeError(f"weights must hold real numbers; got dtype {weights.dtype}.")
    for name, array in {"receivers": receivers, "weights": weights}.items():
        checks.length(name, array, len(senders), "edge")
    _check_weights(weights)
    if not directed:
        senders, receivers = np.concatenate([senders, receivers]), np.concatenate([receivers, senders])
        weights = np.concatenate([weights, weights])
    _check_simple(senders, receivers, num_nodes)
    if row_length is None:
        row_length = int(np.clip(-(-len(senders) // num_nodes), 1, 64))
    row_length = checks.integer("row_length", row_length, low=1)
    table = _table(senders, receivers, weights.astype(jnp.result_type(weights, np.float32)), num_nodes, row_length)
    return DirectedGraph(*table) if directed else Graph(*table)


def _endpoints(name: str, nodes: Shaped[np.ndarray, " e"], num_nodes: int) -> Shaped[np.ndarray, " e"]:
    nodes = np.asarray(nodes)
    checks.rank(name, nodes, 1, "[e]")
    if nodes.size and not np.issubdtype(nodes.dtype, np.integer):
        raise TypeError(f"{name} must hold integers; got dtype {nodes.dtype}.")
    outside = np.flatnonzero((nodes < 0) | (nodes >= num_nodes))
    if outside.size:
        first = outside[0]
        raise ValueError(f"{name} must lie in [0, {num_nodes - 1}]; got {nodes[first]} at edge {first}.")
    return nodes.astype(np.int32)


def _check_weights(weights: Shaped[np.ndarray, " e"]) -> None:
    tiny = np.finfo(np.float32).tiny
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= tiny) & (weights <= np.finfo(np.float32).max)))
    if bad.size:
        first = bad[0]
        raise ValueError(
            f"weights must be finite and above 0 in float32; got {weights[first]} at edge {first}. Leave out an edge "
            "that weighs nothing."
        )


def _check_simple(senders: Shaped[np.ndarray, " e"], receivers: Shaped[np.ndarray, " e"], num_nodes: int) -> None:
    loops = np.flatnonzero(senders == receivers)
    if loops.size:
        raise ValueError(
            f"senders and receivers must differ on every edge; got a self-loop at node {senders[loops[0]]}."
        )
    pairs = np.sort(senders.astype(np.int64) * num_nodes + receivers)
    repeated = pairs[1:][pairs[1:] == pairs[:-1]]
    if repeated.size:
        start, end = divmod(int(repeated[0]), num_nodes)
        raise ValueError(f"senders and receivers must list each edge once; got {start} -> {end} repeatedly.")


def _table(senders, receivers, weights, num_nodes: int, row_length: int):
    order = np.lexsort((receivers, senders))
    senders, receivers, weights = senders[order], receivers[order], weights[order]
    counts = np.bincount(senders, minlength=num_nodes)
    rows_each = np.maximum(1, -(-counts // row_length))
    owners = np.repeat(np.arange(num_nodes, dtype=np.int32), rows_each)
    position = np.arange(len(senders)) - (np.cumsum(counts) - counts)[senders]
    place = ((np.cumsum(rows_each) - rows_each)[senders] + position // row_length, position % row_length)
    neighbors = np.repeat(owners[:, None], row_length, axis=1)
    neighbors[place] = receivers
    row_weights = np.zeros(neighbors.shape, weights.dtype)
    row_weights[place] = weights
    degrees = np.bincount(senders, weights=weights, minlength=num_nodes).astype(weights.dtype)
    return jnp.asarray(neighbors), jnp.asarray(row_weights), jnp.asarray(owners), jnp.asarray(degrees)
