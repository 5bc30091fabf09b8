"""Which label is nearest along the graph, and how many hops away: the plain reason behind a query."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.graph.types import AnyGraph, check_graph


class NearestLabels(NamedTuple):
    """The label nearest to each node along the walk.

    Attributes:
      hops: edges on the shortest path to a labelled node, int32; 0 at labelled nodes, -1 where none is within T hops.
      sources: that labelled node, int32; itself at labelled nodes, -1 where none is within T hops.
    """

    hops: Int[Array, " n"]
    sources: Int[Array, " n"]


def nearest_labels(graph: AnyGraph, labeled: Shaped[jax.typing.ArrayLike, " n"], *, num_steps: int) -> NearestLabels:
    """Finds the nearest label of every node: the fewest hops, then the likeliest path, then the lower index.

    Breadth-first along the walk's direction, so `hops` is -1 exactly where diffusion of `num_steps` leaves reach 0
    (within the path lengths that `diffuse` names; beyond them float32 may lose the mass, and hops still count).

    Args:
      graph: neighbourhoods of the pool.
      labeled: True where the label is known.
      num_steps: T, at least 0. Static.

    Raises:
      ValueError: a mask of another length than the graph, `num_steps` below 0.
      TypeError: `graph` is no graph, a mask that is not boolean.
    """
    check_graph("graph", graph)
    labeled = array_checks.boolean_mask("labeled", labeled, graph.degrees.shape[0])
    num_steps = checks.integer("num_steps", num_steps, low=0)
    return _nearest_labels(graph, labeled, num_steps=num_steps)


class _Front(NamedTuple):
    hops: Int[Array, " n"]
    sources: Int[Array, " n"]
    likelihood: Float[Array, " n"]  # of the best path, as a probability of the walk


@functools.partial(jax.jit, static_argnames="num_steps")
def _nearest_labels(graph: AnyGraph, labeled: Bool[Array, " n"], *, num_steps: int) -> NearestLabels:
    n = labeled.shape[0]
    is_edge = graph.weights > 0
    degrees = jnp.where(graph.degrees > 0, graph.degrees, 1.0)
    steps = graph.weights / degrees[graph.owners][:, None]

    def best_of_owner(row_values, reduce_segments):
        return reduce_segments(row_values, graph.owners, num_segments=n, indices_are_sorted=True)

    def advance(front, hop):
        arrives = is_edge & (front.hops[graph.neighbors] >= 0)
        likelihood = jnp.where(arrives, steps * front.likelihood[graph.neighbors], -1.0)
        best = best_of_owner(likelihood.max(axis=1), jax.ops.segment_max)
        on_best = arrives & (likelihood == best[graph.owners][:, None])
        source = jnp.where(on_best, front.sources[graph.neighbors], n).min(axis=1)
        source = best_of_owner(source, jax.ops.segment_min)
        newly = (front.hops < 0) & (best >= 0)
        return _Front(
            jnp.where(newly, hop, front.hops),
            jnp.where(newly, source, front.sources),
            jnp.where(newly, best, front.likelihood),
        ), None

    start = _Front(
        jnp.where(labeled, 0, -1).astype(jnp.int32),
        jnp.where(labeled, jnp.arange(n, dtype=jnp.int32), -1),
        labeled.astype(graph.weights.dtype),
    )
    front, _ = jax.lax.scan(advance, start, jnp.arange(1, num_steps + 1, dtype=jnp.int32))
    return NearestLabels(front.hops, front.sources)
