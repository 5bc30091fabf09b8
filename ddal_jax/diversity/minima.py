"""Points that come first among all their neighbours: the best of every neighbourhood, none beside another."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.graph.types import AnyGraph, DirectedGraph, check_graph

_NUM_PASSES = 5  # one, and up to four more


def local_minima(
    graph: AnyGraph,
    order: Shaped[jax.typing.ArrayLike, " n"],
    eligible: Shaped[jax.typing.ArrayLike, " n"],
    *,
    query_size: int,
) -> Int[Array, " b"]:
    """Picks points that come before all their eligible neighbours, whichever way the edge points.

    The B first of them are picked. If there are fewer, they and their neighbours are set aside and the same is asked of
    the rest, up to four times; so far no two picks are neighbours. Places still empty then go to the eligible points
    left, in order. Works inside a caller's `jit` and `vmap`.

    Args:
      graph: neighbourhoods of the pool.
      order: rank of each node, 0 first, an integer. Read only where `eligible`, and there no two are equal.
      eligible: True where a point may be picked; others do not compete.
      query_size: B, at least 1. Static.

    Returns:
      Indices in the order picked (pass by pass, the best of each first), int32, all different; -1 in the last places
      when fewer than B points are eligible.

    Raises:
      ValueError: arrays of another length than the graph, ranks that are outside [0, n - 1] or equal, `query_size`
        below 1.
      TypeError: `graph` is no graph, ranks that are not integers, a mask that is not boolean, `query_size` that is no
        integer.
    """
    check_graph("graph", graph)
    num_nodes = graph.degrees.shape[0]
    query_size = checks.integer("query_size", query_size, low=1)
    eligible = array_checks.boolean_mask("eligible", eligible, num_nodes)
    order = _checked_order(order, eligible, num_nodes)
    return _local_minima(graph, order, eligible, query_size=query_size)


def _checked_order(order, eligible: Bool[Array, " n"], num_nodes: int) -> Int[Array, " n"]:
    given = array_checks.as_array("order", order)
    checks.rank("order", given, 1, "[n]")
    checks.length("order", given, num_nodes, "node")
    if not jnp.issubdtype(given.dtype, jnp.integer):
        raise TypeError(f"order must hold integers; got dtype {given.dtype}.")
    if array_checks.is_concrete(given) and array_checks.is_concrete(eligible):
        read = np.asarray(given)[np.asarray(eligible)]
        array_checks.indices("order", read, high=num_nodes - 1)
        ranks, counts = np.unique(read, return_counts=True)
        if (counts > 1).any():
            raise ValueError(f"order must rank every eligible node differently; got {ranks[counts > 1][0]} repeatedly.")
    return jnp.asarray(given, jnp.int32)


@functools.partial(jax.jit, static_argnames="query_size")
def _local_minima(graph: AnyGraph, order: Int[Array, " n"], eligible: Bool[Array, " n"], *, query_size: int):
    return minima_of(graph, order, eligible, eligible, query_size=query_size)


class _State(NamedTuple):
    passes: Int[Array, ""]  # made so far
    found_in: Int[Array, " n"]  # pass in which a node was found; `_NUM_PASSES` if in none
    contenders: Bool[Array, " n"]  # nodes neither found nor beside one found before the last pass


def minima_of(
    graph: AnyGraph,
    ranks: Int[Array, " n"],
    contested: Bool[Array, " n"],
    eligible: Bool[Array, " n"],
    *,
    query_size: int,
) -> Int[Array, " b"]:
    """Does the work of `local_minima` among the contested; what they cannot fill goes to the eligible, in order.

    Args:
      graph: neighbourhoods of the pool.
      ranks: rank of each node.
      contested: True for nodes that must come before their contested neighbours; all are eligible.
      eligible: True where a node may be picked at all.
      query_size: B. Static.
    """
    n = ranks.shape[0]

    def find(state: _State) -> _State:
        contending = jnp.where(state.contenders, ranks, n)
        found = state.contenders & (ranks <= _lowest_beside(graph, contending))
        found_in = jnp.where(found, state.passes, state.found_in)
        return _State(state.passes + 1, found_in, state.contenders & ~found)

    def unfinished(state: _State):
        enough = (state.found_in < _NUM_PASSES).sum() >= query_size
        return (state.passes < _NUM_PASSES) & ~enough & state.contenders.any()

    def find_again(state: _State) -> _State:
        beside = _lowest_beside(graph, state.found_in) < _NUM_PASSES
        return find(state._replace(contenders=state.contenders & ~beside))

    first = find(_State(jnp.int32(0), jnp.full(n, _NUM_PASSES, jnp.int32), contested))
    found_in = lax.while_loop(unfinished, find_again, first).found_in
    negated, picked = lax.top_k(-_ascending(found_in * n + ranks, eligible), min(query_size, n))
    picked = jnp.where(jnp.isfinite(negated), picked, -1)
    return jnp.pad(picked, (0, query_size - picked.shape[0]), constant_values=-1)


def _ascending(numbers: Int[Array, " n"], eligible: Bool[Array, " n"]) -> Float[Array, " n"]:
    """Returns floats in the order of integers in [0, 2^31 - 2^24], exactly; infinity where not eligible.

    On CPU only floats have a `top_k` that is no sort. Bits of positive floats order as integers do; the smallest
    floats, which some processors take for 0, are skipped.
    """
    smallest = np.int32(np.finfo(np.float32).tiny.view(np.int32))
    return jnp.where(eligible, lax.bitcast_convert_type(numbers + smallest, jnp.float32), jnp.inf)


def _lowest_beside(graph: AnyGraph, values: Int[Array, " n"]) -> Int[Array, " n"]:
    """Returns the lowest value of each node's neighbours in either direction, perhaps its own among them."""
    n = values.shape[0]
    # An empty place points at its owner, and nobody beats itself.
    rows = values[graph.neighbors].min(axis=1)
    if not isinstance(graph, DirectedGraph):
        return jax.ops.segment_min(rows, graph.owners, num_segments=n, indices_are_sorted=True)
    lowest = jnp.minimum(values, jax.ops.segment_min(rows, graph.owners, num_segments=n, indices_are_sorted=True))
    arriving = jnp.broadcast_to(values[graph.owners][:, None], graph.neighbors.shape)
    return lowest.at[graph.neighbors].min(arriving)
