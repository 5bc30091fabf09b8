"""The step of S2, a search for a cut by halving shortest paths: what the paper's criterion is compared with.

How this differs from the published algorithm:

1. two classes, and hops whatever the edges weigh;
2. of all midpoints of all shortest paths one is drawn at random: any node half-way, nearer to class 1 where the length
   is odd, on any path as short as the shortest;
3. the search starts from one label and ends as the others do, not when a budget is spent;
4. cut edges that are found stay in the graph and are passed over: those between two labels that differ.

Reference: Dasarathy, Nowak and Zhu, 2015, Algorithms 1 and 2.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool

from ddal_jax.theory.tasks import SearchTask


def midpoints(task: SearchTask, labeled: Bool[Array, " n"]) -> Bool[Array, " n"]:
    """Marks the nodes half-way on a shortest path between labels of different classes.

    None is marked where no path is left that avoids the cut edges found, and never a labelled node. Of `task.labels`
    only those marked `labeled` are read. Both classes spread at once, breadth-first, until they meet, so the rounds
    are half the length of the path.
    """
    n = task.labels.shape[0]
    far = 2 * n  # more hops than any path has
    known = jnp.where(labeled, task.labels, -1)
    owned, beside = known[task.graph.owners][:, None], known[task.graph.neighbors]
    is_found = (owned >= 0) & (beside >= 0) & (owned != beside)
    passable = ((task.graph.weights > 0) & ~is_found)[:, :, None]

    def nearest_neighbor(hops):
        rows = jnp.where(passable, hops[task.graph.neighbors], far).min(axis=1)
        return jax.ops.segment_min(rows, task.graph.owners, num_segments=n, indices_are_sorted=True)

    def apart(state):
        hops, spread = state
        return spread & (hops == far).any(axis=1).all()

    def advance(state):
        hops, _ = state
        further = jnp.minimum(hops, nearest_neighbor(hops) + 1)
        return further, (further < hops).any()

    start = jnp.where(known[:, None] == jnp.array([[0, 1]]), 0, far).astype(jnp.int32)
    hops, _ = lax.while_loop(apart, advance, (start, jnp.asarray(True)))
    length = hops.sum(axis=1)
    shortest = length.min()
    return (length == shortest) & (hops[:, 1] == shortest // 2) & (shortest < far)
