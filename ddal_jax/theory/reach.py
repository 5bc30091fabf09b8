"""How much of a graph labels reach within T steps, measured, beside the paper's T ~ log_K N.

The paper takes each step to multiply by K the nodes that a label reaches, so that T = log_K N steps cover the graph and
N / K^T exploratory queries are enough. That assumes that the K neighbours of K nodes are K^2 nodes. They overlap: in
two dimensions (N = 2000, K = 10) one label reaches some 120 nodes in 4 steps, not 10^4, and 36 queries are needed to
cover, not one. Where hubs exist (dimension 50) a single label reaches nearly all as many nodes in 3 steps. Nor does a
label reach its K neighbours at all: a walk leads from a node to the label, so that what counts is who lists the label,
and in the directed graph of Eq. (1) some labels are listed by nobody. So T and K are recommended here from the graph.

Reach is counted on edges, not read off float32 masses, which may vanish along long paths.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, Shaped, UInt32

from ddal_jax import array_checks, checks
from ddal_jax.graph.affinity import SYMMETRIZATIONS, affinity
from ddal_jax.graph.components import components
from ddal_jax.graph.knn import knn_graph
from ddal_jax.graph.table import weighted_sums
from ddal_jax.graph.types import AnyGraph, DirectedGraph, Graph, KNNGraph, check_graph

CONNECTED_SHARE = 0.99
_BEHIND_ALL = np.uint32(2**31)
_BLOCK = 64  # labels whose reach is followed together


class ReachCurve(NamedTuple):
    """How many nodes one label reaches within T = 0, 1, ..., itself included.

    Attributes:
      mean: over the labels followed.
      largest: over the labels followed.
      alone: share of them that reach nobody else.
    """

    mean: Float[Array, " t"]
    largest: Int[Array, " t"]
    alone: Float[Array, " t"]


class Recommendation(NamedTuple):
    """A number of neighbours and of steps that fit a pool, and what they were read from.

    Attributes:
      num_neighbors: K; the largest candidate when none makes the graph hang together.
      num_steps: T; None when the labels' reach never adds up to the pool within the steps followed.
      connected: share of the points in the largest component, for each candidate tried, smallest first; the last is
        that of `num_neighbors`.
      reach: of one label at `num_neighbors`.
    """

    num_neighbors: int
    num_steps: int | None
    connected: Float[np.ndarray, " candidates"]
    reach: ReachCurve


def reach_by_steps(
    graph: AnyGraph, *, max_steps: int, num_sources: int, key: Key[Array, ""] | UInt32[Array, "2"]
) -> ReachCurve:
    """Counts the nodes from which a walk can meet a label within T steps, for every T up to `max_steps`.

    Works inside a caller's `jit` and `vmap`. Work is O(max_steps num_sources N K), memory O(N) per label of a block.

    Args:
      graph: neighbourhoods of the pool.
      max_steps: the largest T. Static.
      num_sources: how many nodes are labels in turn, drawn without repetition; all of them if n or more, and the counts
        are then exact. Static.
      key: draws them; used once.

    Raises:
      ValueError: `max_steps` below 0, `num_sources` below 1.
      TypeError: `graph` is no graph, a number that is no integer, a key that is none.

    Paper: Section IV-C and appendix E, step 2.
    """
    check_graph("graph", graph)
    max_steps = checks.integer("max_steps", max_steps, low=0)
    num_sources = checks.integer("num_sources", num_sources, low=1)
    num_sources = min(num_sources, graph.degrees.shape[0])
    return _reach_by_steps(array_checks.key("key", key), graph, max_steps=max_steps, num_sources=num_sources)


def assumed_reach(num_neighbors: int, *, max_steps: int) -> Float[np.ndarray, " t"]:
    """Returns K^T for T = 0, 1, ..., what the paper assumes one label to reach; it may exceed the pool.

    Paper: appendix E, step 2.
    """
    num_neighbors = checks.integer("num_neighbors", num_neighbors, low=1)
    max_steps = checks.integer("max_steps", max_steps, low=0)
    return float(num_neighbors) ** np.arange(max_steps + 1)


def queries_to_cover(key: Key[Array, ""] | UInt32[Array, "2"], graph: AnyGraph, *, num_steps: int) -> Int[Array, ""]:
    """Counts the queries of criterion (6), one at a time, until some label reaches every node within T steps.

    While a node is unreached the criterion is 0 there and the next query is one of those nodes, ties by lottery. The
    answers do not matter, except where two classes cancel to exactly 0 at a reached node, which would then tie; such
    nodes are not asked here. Works inside a caller's `jit` and `vmap`. Never fewer than N divided by the largest reach.

    Args:
      key: draws the lots; used once.
      graph: neighbourhoods of the pool, none of it labelled.
      num_steps: T. Static.

    Raises:
      ValueError: `num_steps` below 0.
      TypeError: `graph` is no graph, `num_steps` that is no integer, a key that is none.

    Paper: the N / K^T exploratory queries of appendix E, step 2.
    """
    check_graph("graph", graph)
    num_steps = checks.integer("num_steps", num_steps, low=0)
    return _queries_to_cover(array_checks.key("key", key), graph, num_steps=num_steps)


def steps_to_add_up(mean_reach: Shaped[np.ndarray, " t"], *, num_labels: int, num_points: int) -> int | None:
    """Returns the smallest T at which the reach of the labels adds up to the pool; None if it never does.

    At a smaller T labels drawn uniformly leave points unreached on average. At this T they still do, as their reaches
    overlap: many of them cover at most some 1 - 1/e of the pool where their reach only just adds up to it.

    Args:
      mean_reach: for T = 0, 1, ..., from `reach_by_steps`.
      num_labels: how many labels share the pool.
      num_points: N.
    """
    num_labels = checks.integer("num_labels", num_labels, low=1)
    num_points = checks.integer("num_points", num_points, low=1)
    # A mean of sampled counts is a float32; a pool reached whole must not fail by its last bit.
    enough = num_labels * np.asarray(mean_reach, np.float64) >= num_points * (1 - 1e-6)
    return int(enough.argmax()) if enough.any() else None


def recommend(
    key: Key[Array, ""] | UInt32[Array, "2"],
    features: Shaped[jax.typing.ArrayLike, "n d"],
    *,
    num_labels: int,
    candidates: Sequence[int] = (5, 10, 15, 20, 30),
    symmetrize: str = "max",
    max_steps: int = 20,
    num_sources: int = 256,
) -> Recommendation:
    """Recommends K and T for a pool from its own graphs.

    K is the smallest candidate whose graph holds at least 99 % of the points in one component: below that, labels in
    one part say nothing about the others. T is then the smallest number of steps at which the labels' mean reach adds
    up to the pool (`steps_to_add_up`): fewer cannot cover it on average, and more soon leave no unreached point to
    explore. Both are lower bounds on what lets labels speak for the pool, not the values of highest accuracy.

    Not for use inside `jit`.

    Args:
      key: draws the labels whose reach is followed; used once.
      features: as for `knn_graph`; neighbours are searched once, at the largest candidate.
      num_labels: labels there will be when diffusion should cover the pool.
      candidates: numbers of neighbours to try; those that the pool is too small for are left out.
      symmetrize: as for `affinity`; connectedness of the directed "none" is that of "max".
      max_steps: largest T followed.
      num_sources: labels followed, as in `reach_by_steps`.

    Raises:
      ValueError: no candidate below the number of points, numbers below 1, features or names that are refused by
        `knn_graph` and `affinity`.

    Paper: Section IV-C, where T ~ log_K N and K is "sufficiently high to allow graph connectivity".
    """
    key = array_checks.key("key", key)
    points = array_checks.features("features", features)
    num_points = points.shape[0]
    num_labels = checks.integer("num_labels", num_labels, low=1)
    max_steps = checks.integer("max_steps", max_steps, low=1)
    checks.choice("symmetrize", symmetrize, SYMMETRIZATIONS)
    usable = _usable(candidates, num_points)
    graph, connected = _first_connected(points, usable, symmetrize)
    curve = reach_by_steps(graph, max_steps=max_steps, num_sources=num_sources, key=key)
    num_steps = steps_to_add_up(np.asarray(curve.mean), num_labels=num_labels, num_points=num_points)
    return Recommendation(usable[len(connected) - 1], num_steps, np.array(connected), curve)


def _first_connected(
    features: Float[Array, "n d"], candidates: Sequence[int], symmetrize: str
) -> tuple[AnyGraph, list[float]]:
    """Returns the graph of the first candidate that hangs together, else of the last, and what was found on the way."""
    # Rows are ascending with ties by index, so that the K nearest are the first K of more.
    widest = knn_graph(features, num_neighbors=candidates[-1])
    connected, graph = [], None
    for num_neighbors in candidates:
        knn = KNNGraph(widest.neighbors[:, :num_neighbors], widest.sq_distances[:, :num_neighbors])
        graph = affinity(knn, symmetrize=symmetrize)
        undirected = affinity(knn) if isinstance(graph, DirectedGraph) else graph
        assert isinstance(undirected, Graph)
        connected.append(float(np.bincount(np.asarray(components(undirected))).max() / features.shape[0]))
        if connected[-1] >= CONNECTED_SHARE:
            break
    assert graph is not None
    return graph, connected


def _usable(candidates: Sequence[int], num_points: int) -> list[int]:
    counts = sorted({checks.integer("candidates", candidate, low=1) for candidate in candidates})
    usable = [count for count in counts if count < num_points]
    if not usable:
        raise ValueError(
            f"candidates must hold a number in [1, {num_points - 1}] for {num_points} points; got {counts}."
        )
    return usable


def _spread(graph: AnyGraph, reached: Bool[Array, "n b"]) -> Bool[Array, "n b"]:
    """Adds the nodes from which one step leads to a reached one."""
    return reached | (weighted_sums(graph, reached.astype(graph.weights.dtype)) > 0)


def _at(source: Int[Array, " b"], num_nodes: int) -> Bool[Array, "n b"]:
    return jnp.arange(num_nodes, dtype=jnp.int32)[:, None] == source[None]


@functools.partial(jax.jit, static_argnames=("max_steps", "num_sources"))
def _reach_by_steps(key, graph: AnyGraph, *, max_steps: int, num_sources: int) -> ReachCurve:
    n = graph.degrees.shape[0]
    block = min(_BLOCK, num_sources)
    sources = jnp.argsort(jax.random.bits(key, (n,), jnp.uint32))[:num_sources].astype(jnp.int32)
    blocks = jnp.pad(sources, (0, -num_sources % block)).reshape(-1, block)

    def count_block(sources):
        def step(reached, _):
            reached = _spread(graph, reached)
            return reached, reached.sum(axis=0, dtype=jnp.int32)

        counts = jax.lax.scan(step, _at(sources, n), length=max_steps)[1]
        return jnp.concatenate([jnp.ones((1, block), jnp.int32), counts])

    counts = jax.lax.map(count_block, blocks)
    counts = jnp.moveaxis(counts, 1, 0).reshape(max_steps + 1, -1)[:, :num_sources]
    return ReachCurve(
        jnp.mean(counts.astype(graph.weights.dtype), axis=1),
        counts.max(axis=1),
        jnp.mean((counts == 1).astype(graph.weights.dtype), axis=1),
    )


@functools.partial(jax.jit, static_argnames="num_steps")
def _queries_to_cover(key, graph: AnyGraph, *, num_steps: int) -> Int[Array, ""]:
    n = graph.degrees.shape[0]
    # Whoever holds the lowest lot of the unreached is drawn uniformly from them, though lots are drawn only once.
    lots = jax.random.bits(key, (n,), jnp.uint32) >> 1

    def ask(state):
        reached, count = state
        asked = jnp.argmin(jnp.where(reached, _BEHIND_ALL, lots))
        around = jax.lax.fori_loop(0, num_steps, lambda _, near: _spread(graph, near), _at(asked[None], n))
        return reached | around[:, 0], count + 1

    start = (jnp.zeros(n, bool), jnp.asarray(0, jnp.int32))
    return jax.lax.while_loop(lambda state: ~state[0].all(), ask, start)[1]
