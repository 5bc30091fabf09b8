"""Searching a fixed graph for its cut, one query after another, the true label revealed after each.

The paper's theorems count the queries of *BatchQuery*, which it never defines; we read it as the inner loop of
Algorithm 1 with B = 1: diffuse all labels known, query by Eq. (6), repeat. A search starts from one label, at a node
drawn at random; counts of queries include it. At one key all ways of searching start from the same node.

Diffusion, limit, criterion and lottery are the library's own, so what is measured is the method and not a model of it.
Scores are rounded before the lottery: on a symmetric grid rounding would else settle ties that symmetry leaves open.
That asks for a graph in float64.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, Shaped

from ddal_jax import checks, scores
from ddal_jax.selection import lowest
from ddal_jax.theory import readout
from ddal_jax.theory.s2 import midpoints
from ddal_jax.theory.tasks import SearchTask, seed_axis

Goal = Callable[[SearchTask, Bool[Array, " n"]], Bool[Array, ""]]


class Search(NamedTuple):
    """The queries of a search, its first label included, and how many it took to what is sought.

    Attributes:
      order: nodes in the order asked, as many places as nodes; -1 after the end.
      num_queries: asked until the search ended.
      certified: queries until every node of the boundary was asked, after which nothing is left to be inferred; 0
        where no edge is cut, -1 if the search ended before. This is what S2 counts.
      both_classes: queries until both classes were seen; -1 if the search ended before.
    """

    order: Int[np.ndarray, "s n"]
    num_queries: Int[np.ndarray, " s"]
    certified: Int[np.ndarray, " s"]
    both_classes: Int[np.ndarray, " s"]


def boundary_known(task: SearchTask, labeled: Bool[Array, " n"]) -> Bool[Array, ""]:
    """Ends a search once both classes are seen and every node of the boundary is asked."""
    return both_classes_seen(task, labeled) & (labeled | ~task.boundary).all()


def both_classes_seen(task: SearchTask, labeled: Bool[Array, " n"]) -> Bool[Array, ""]:
    """Ends a search once a label of either class is known."""
    return (labeled & (task.labels == 0)).any() & (labeled & (task.labels == 1)).any()


def never(task: SearchTask, labeled: Bool[Array, " n"]) -> Bool[Array, ""]:
    """Lets a search go on to its last query."""
    return jnp.asarray(False)


def batch_query(
    keys: Key[Array, " s"],
    task: SearchTask,
    *,
    num_steps: int | None,
    query_size: int = 1,
    max_queries: int | None = None,
    goal: Goal = boundary_known,
) -> Search:
    """Searches by the paper's criterion on the diffused labels.

    On tasks of one size any T and number of queries, and the other searches too, share one compilation.

    Args:
      keys: one per seed: decide the first node and ties.
      task: shared by all seeds, or with one graph per seed along a first axis.
      num_steps: T; None for the harmonic limit, T = infinity.
      query_size: B, the queries between two diffusions. Static.
      max_queries: where to stop, the first label included; None for no end but that of the nodes.
      goal: when to stop before. Static.

    Raises:
      ValueError: `num_steps` below 0, `query_size` or `max_queries` below 1, another number of keys than of graphs.
      TypeError: any of them no integer.

    Paper: Theorems 1 and 2, the inner loop of Algorithm 1 with Eq. (6).
    """
    if num_steps is None:
        return _run(keys, task, _TO_THE_LIMIT, 0, query_size, max_queries, goal)
    num_steps = checks.integer("num_steps", num_steps, low=0, high=checks.INT32_MAX)
    return _run(keys, task, _FOR_SOME_STEPS, num_steps, query_size, max_queries, goal)


def s2_search(
    keys: Key[Array, " s"], task: SearchTask, *, max_queries: int | None = None, goal: Goal = boundary_known
) -> Search:
    """Searches by S2: halves the shortest path between labels that differ, or draws a node where none is left.

    Arguments and errors as in `batch_query`; B is 1.

    Reference: Dasarathy, Nowak and Zhu, 2015.
    """
    return _run(keys, task, _BY_BISECTION, 0, 1, max_queries, goal)


def random_search(
    keys: Key[Array, " s"], task: SearchTask, *, max_queries: int | None = None, goal: Goal = boundary_known
) -> Search:
    """Searches by drawing uniformly among the nodes not yet asked. Arguments and errors as in `batch_query`."""
    return _run(keys, task, _AT_RANDOM, 0, 1, max_queries, goal)


def _run(
    keys, task: SearchTask, way: int, num_steps: int, query_size: int, max_queries: int | None, goal: Goal
) -> Search:
    num_nodes = task.labels.shape[-1]
    checks.rank("keys", keys, 1, "[s]")
    query_size = checks.integer("query_size", query_size, low=1)
    max_queries = num_nodes if max_queries is None else checks.integer("max_queries", max_queries, low=1)
    if seed_axis(task) is not None:
        checks.length("keys", keys, task.labels.shape[0], "graph of the task")
    first, last = _first_nodes(keys, num_nodes), min(max_queries, num_nodes)
    order = _search(keys, first, task, way, num_steps, last, query_size=query_size, goal=goal)
    return _counted(np.asarray(order), np.asarray(task.labels), np.asarray(task.boundary))


@jax.jit
def _first_nodes(keys, num_nodes) -> Int[Array, " s"]:
    return jax.vmap(lambda key: jax.random.randint(jax.random.fold_in(key, 0), (), 0, num_nodes, jnp.int32))(keys)


@functools.partial(jax.jit, static_argnames=("query_size", "goal"))
def _search(
    keys, first, task: SearchTask, way, num_steps, max_queries, *, query_size: int, goal: Goal
) -> Int[Array, "s n"]:
    def of_seed(key, first, task):
        n = task.labels.shape[0]

        def unfinished(state):
            _, labeled, count = state
            return (count < max_queries) & ~goal(task, labeled)

        def advance(state):
            order, labeled, count = state
            values = lax.switch(way, _WAYS, task, labeled, num_steps)
            picked = lowest(jax.random.fold_in(key, count), values, labeled, query_size=query_size)
            place = count + jnp.arange(query_size, dtype=jnp.int32)
            asked = jnp.where(place < max_queries, picked, -1)
            labeled = labeled.at[jnp.where(asked >= 0, asked, n)].set(True, mode="drop")
            return order.at[place].set(asked, mode="drop"), labeled, count + jnp.sum(asked >= 0, dtype=jnp.int32)

        order = jnp.full(n, -1, jnp.int32).at[0].set(first)
        start = (order, jnp.arange(n) == first, jnp.ones((), jnp.int32))
        return lax.while_loop(unfinished, advance, start)[0]

    return jax.vmap(of_seed, in_axes=(0, 0, seed_axis(task)))(keys, first, task)


def _weakest_after_steps(task: SearchTask, labeled: Bool[Array, " n"], num_steps) -> Float[Array, " n"]:
    return jnp.round(scores.min_abs(readout.diffused(task, labeled, num_steps)), readout.DECIMALS)


def _weakest_in_the_limit(task: SearchTask, labeled: Bool[Array, " n"], num_steps) -> Float[Array, " n"]:
    return jnp.round(scores.min_abs(readout.limit(task, labeled)), readout.DECIMALS)


def _half_way(task: SearchTask, labeled: Bool[Array, " n"], num_steps) -> Float[Array, " n"]:
    return jnp.where(midpoints(task, labeled), 0.0, 1.0).astype(task.graph.weights.dtype)


def _all_alike(task: SearchTask, labeled: Bool[Array, " n"], num_steps) -> Float[Array, " n"]:
    return jnp.zeros(labeled.shape, task.graph.weights.dtype)


# What is asked next is lowest in these.
_WAYS = (_weakest_after_steps, _weakest_in_the_limit, _half_way, _all_alike)
_FOR_SOME_STEPS, _TO_THE_LIMIT, _BY_BISECTION, _AT_RANDOM = range(len(_WAYS))


def _counted(order: Int[np.ndarray, "s n"], labels: Shaped[np.ndarray, "..."], boundary: Shaped[np.ndarray, "..."]):
    labels, boundary = (np.broadcast_to(array, order.shape) for array in (labels, boundary))
    never_asked = order.shape[1] + 1
    asked_as = np.full(order.shape, never_asked)
    seed, place = np.nonzero(order >= 0)
    asked_as[seed, order[seed, place]] = place + 1
    certified = np.where(boundary, asked_as, 0).max(axis=1)
    both_classes = np.max([np.where(labels == c, asked_as, never_asked).min(axis=1) for c in (0, 1)], axis=0)
    of_end = [np.where(queries == never_asked, -1, queries) for queries in (certified, both_classes)]
    return Search(order, (order >= 0).sum(axis=1), *of_end)
