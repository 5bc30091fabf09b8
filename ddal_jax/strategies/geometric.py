"""Covering the feature space: k-centre greedy, and the distances that it shares with other strategies."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ddal_jax import checks
from ddal_jax.reduction import ordered_sum
from ddal_jax.selection import Query
from ddal_jax.strategies.base import SPACES, Pool
from ddal_jax.strategies.picking import draw_lots, query_of, smallest


class Covered(NamedTuple):
    """How well a set of centres covers the pool.

    Attributes:
      sq_distances: from each point to its nearest centre; infinity while there is none.
      centres: True at the centres.
    """

    sq_distances: Float[Array, " n"]
    centres: Bool[Array, " n"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Coreset:
    """Asks the point farthest from all labelled and already picked points, B times.

    Labelled points are the first centres; with no label the first pick is drawn by lot, and its score is minus
    infinity. The score is the negative distance to the nearest centre when picked. Copies of a centre lie at distance
    0 exactly and are asked last. Work is O(N d) for each pick and for each label that is new since `prepare`.

    Attributes:
      space: what distances are measured on, "features" or, as for points in the plane, "inputs".

    Reference: Sener and Savarese, "Active learning for convolutional neural networks: a core-set approach", 2017; the
    greedy 2-approximation, without their integer program.
    """

    space: str = "features"

    def __post_init__(self) -> None:
        checks.choice("space", self.space, SPACES)

    @property
    def requires(self) -> frozenset[str]:
        """See `QueryStrategy`."""
        return frozenset({self.space})

    def prepare(self, key: jax.Array, pool: Pool) -> Covered:
        """Measures the distance to the labels known when the network was trained."""
        del key
        nothing = Covered(jnp.full(pool.labeled.shape, jnp.inf), jnp.zeros(pool.labeled.shape, bool))
        return add_centres(nothing, pool.points(self.space).T, pool.labeled)

    def query(self, key: jax.Array, prepared: Covered, pool: Pool, *, query_size: int) -> Query:
        """Picks the farthest points, one after the other."""
        by_coordinate = pool.points(self.space).T
        lots = draw_lots(key, pool.labeled.shape[0])

        def pick(covered: Covered, _):
            picked = smallest(-covered.sq_distances, ~covered.centres, lots)
            score = -jnp.sqrt(covered.sq_distances[picked])
            nearer = jnp.minimum(covered.sq_distances, sq_distances_to(by_coordinate, picked))
            return Covered(nearer, covered.centres.at[picked].set(True)), (picked, score)

        start = add_centres(prepared, by_coordinate, pool.labeled)
        _, (indices, scores) = lax.scan(pick, start, length=query_size)
        return query_of(indices, scores)


def sq_distances_to(by_coordinate: Float[Array, "d n"], index: Int[Array, ""]) -> Float[Array, " n"]:
    """Measures all points from one by differences: 0 at its copies, however far from the origin.

    Coordinates come first, so that the sum runs along points and uses the whole width of a core.
    """
    differences = by_coordinate - by_coordinate[:, index][:, None]
    return ordered_sum(differences * differences, axis=0)


def add_centres(covered: Covered, by_coordinate: Float[Array, "d n"], labeled: Bool[Array, " n"]) -> Covered:
    """Adds the labelled points that are no centres yet.

    One pass over the features for each of them, O(N L d) in a loop of traced length. Measuring all pairs in blocks,
    O(N^2 d), has a fixed cost that a few hundred labels never earn back, and its matrix form would not give copies of
    a label the distance 0.
    """
    added = labeled & ~covered.centres
    rows = jnp.nonzero(added, size=added.shape[0], fill_value=0)[0]

    def add(place, sq_distances):
        return jnp.minimum(sq_distances, sq_distances_to(by_coordinate, rows[place]))

    return Covered(lax.fori_loop(0, added.sum(), add, covered.sq_distances), covered.centres | added)
