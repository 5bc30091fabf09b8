"""Why a point is asked: what is known of it now, and what its label would open up."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from ddal_jax import array_checks
from ddal_jax.campaign.propagation import Propagated, propagate
from ddal_jax.graph.types import AnyGraph

UNEXPLORED, BOUNDARY, COLD_START = "unexplored", "boundary", "cold start"


class Reasons(NamedTuple):
    """What speaks for each point of a batch, in its order.

    Attributes:
      reason: "cold start" where there is nothing to tell apart yet (no label at all; or labels of a single class, for a
        point they reach), "unexplored" where no label reaches, "boundary" elsewhere: what reaches is divided or weak.
      predicted: class with the most mass, int32; -1 where no label reaches.
      runner_up: class with the second most, int32; -1 where fewer than two classes reach.
      reach: probability that a walk of T steps meets a label, float32.
      hops: edges to the nearest label, int32; -1 where no label reaches.
      nearest_labeled: row of that label, int32; -1 where no label reaches.
      newly_reached: points, itself included, that no label reaches now and this one would, int64. A point that several
        of the batch would reach counts for the earliest, so that the batch's sum is what becomes reached.
    """

    reason: list[str]
    predicted: Int[np.ndarray, " b"]
    runner_up: Int[np.ndarray, " b"]
    reach: Float[np.ndarray, " b"]
    hops: Int[np.ndarray, " b"]
    nearest_labeled: Int[np.ndarray, " b"]
    newly_reached: Int[np.ndarray, " b"]


def explain(
    graph: AnyGraph,
    labels: Int[np.ndarray, " n"],
    indices: Int[np.ndarray, " b"],
    *,
    num_classes: int,
    num_steps: int,
    soft_labels: Shaped[np.ndarray, "n c"] | None = None,
) -> Reasons:
    """Explains a batch by the labels that were known when it was picked.

    Args:
      graph: of the pool.
      labels: class of each row, -1 = unlabelled.
      indices: rows asked, first to last, none twice.
      num_classes: C.
      num_steps: T.
      soft_labels: as in `propagate`.

    Raises:
      ValueError: as `propagate`; also an index outside the pool, or one given twice.
      TypeError: as `propagate`; also indices that are no integers.
    """
    labels, indices = np.asarray(labels), np.asarray(indices)
    array_checks.indices("indices", indices, high=len(labels) - 1)
    if len(np.unique(indices)) < len(indices):
        raise ValueError(f"indices must name each row once; got {indices.tolist()}.")
    known = propagate(graph, labels, num_classes=num_classes, num_steps=num_steps, soft_labels=soft_labels)
    return Reasons(
        _reasons(known, labels, indices),
        known.predicted[indices],
        known.runner_up[indices],
        known.reach[indices],
        known.hops[indices],
        known.nearest_labeled[indices],
        _newly_reached(graph, known, indices, num_steps=num_steps),
    )


def _reasons(known: Propagated, labels: Int[np.ndarray, " n"], indices: Int[np.ndarray, " b"]) -> list[str]:
    num_known = int((known.mass[labels >= 0] > 0).any(axis=0).sum())
    reached = COLD_START if num_known < 2 else BOUNDARY
    unreached = COLD_START if num_known < 1 else UNEXPLORED
    return [reached if hit else unreached for hit in known.reach[indices] > 0]


def _newly_reached(
    graph: AnyGraph, known: Propagated, indices: Int[np.ndarray, " b"], *, num_steps: int
) -> Int[np.ndarray, " b"]:
    nobody = np.iinfo(np.int32).max
    ranks = np.full(len(known.reach), nobody, np.int32)
    ranks[indices] = np.arange(len(indices))
    earliest = np.asarray(_earliest_within(graph, ranks, num_steps=num_steps))
    opened = earliest[(known.reach == 0) & (earliest < nobody)]
    return np.bincount(opened, minlength=len(indices))


@functools.partial(jax.jit, static_argnames="num_steps")
def _earliest_within(graph: AnyGraph, ranks: Int[Array, " n"], *, num_steps: int) -> Int[Array, " n"]:
    """Returns the lowest rank within T hops of each point along the walk.

    Labels known already stop no walk here: a walk that passes one within T hops starts at a point that is reached.
    """
    n = ranks.shape[0]
    nobody = jnp.iinfo(jnp.int32).max

    def step(earliest, _):
        met = jnp.where(graph.weights > 0, earliest[graph.neighbors], nobody).min(axis=1)
        met = jax.ops.segment_min(met, graph.owners, num_segments=n, indices_are_sorted=True)
        return jnp.minimum(earliest, met), None

    return jax.lax.scan(step, ranks, length=num_steps)[0]
