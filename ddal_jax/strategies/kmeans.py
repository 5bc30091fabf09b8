"""K-means with a traced number of clusters, so that more labels need no new compilation.

Room for the centres is static; centres beyond the number asked for are masked. Seeding is k-means++, then a fixed
number of Lloyd steps. Distances to the centres stand in memory for one block of points at a time, and sums over
clusters are matrix products in the order of the blocks: the same bits for the same key.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ddal_jax.strategies.geometric import sq_distances_to
from ddal_jax.strategies.picking import draw_by_rate, draw_lots, start_clocks

_BLOCK_SIZE = 512


class Centres(NamedTuple):
    """Cluster centres in a table of fixed size.

    Attributes:
      positions: one row each; masked rows hold nothing of meaning.
      present: True for the clusters in use, which come first.
    """

    positions: Float[Array, "m d"]
    present: Bool[Array, " m"]


def kmeans(
    key: jax.Array, features: Float[Array, "n d"], num_clusters: Int[Array, ""], *, capacity: int, num_steps: int
) -> Int[Array, " n"]:
    """Clusters points into `num_clusters` parts, some of which may stay empty.

    Args:
      key: decides the seeds; used once.
      features: the points.
      num_clusters: traced, in [1, capacity].
      capacity: room for centres, at most n. Static.
      num_steps: Lloyd steps. Static.

    Returns:
      The cluster of each point; of equally near centres the first.
    """
    # The matrix form of distances cancels least around the mean.
    centred = features - features.mean(axis=0, keepdims=True)
    centres = seed_centres(key, centred, num_clusters, capacity=capacity)

    def step(centres, _):
        return move_centres(centred, centres), None

    centres, _ = lax.scan(step, centres, length=num_steps)
    return nearest_centres(centred, centres)


def seed_centres(
    key: jax.Array, features: Float[Array, "n d"], num_clusters: Int[Array, ""], *, capacity: int
) -> Centres:
    """Draws centres among the points, each with a chance proportional to its squared distance to those before it.

    Reference: Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", 2007.
    """
    n = features.shape[0]
    by_coordinate = features.T
    lots_key, clocks_key = jax.random.split(key)
    lots = draw_lots(lots_key, n)

    def draw(place, state):
        seeds, sq_distances, clocks, eligible = state
        # Infinite distances before the first draw count as none, which is the uniform draw of k-means++.
        drawn, clocks = draw_by_rate(clocks, sq_distances, eligible, lots)
        nearer = jnp.minimum(sq_distances, sq_distances_to(by_coordinate, drawn))
        return seeds.at[place].set(drawn), nearer, clocks, eligible.at[drawn].set(False)

    start = (jnp.zeros(capacity, jnp.int32), jnp.full(n, jnp.inf), start_clocks(clocks_key, n), jnp.ones(n, bool))
    seeds, *_ = lax.fori_loop(0, num_clusters, draw, start)
    return Centres(features[seeds], jnp.arange(capacity) < num_clusters)


def nearest_centres(features: Float[Array, "n d"], centres: Centres) -> Int[Array, " n"]:
    """Returns the nearest centre of each point; of equally near ones the first."""

    def of_block(rows):
        return _nearest_of_rows(rows, centres)

    return lax.map(of_block, _in_blocks(features)).reshape(-1)[: features.shape[0]]


def move_centres(features: Float[Array, "n d"], centres: Centres) -> Centres:
    """Takes one Lloyd step: each centre moves to the mean of its points; one without points stays."""
    capacity = centres.present.shape[0]
    counted = _in_blocks(jnp.ones((features.shape[0], 1), features.dtype))
    # A column of ones counts the points along with their sum, and leaves the padding out of both.
    tables = jnp.concatenate([_in_blocks(features), counted], axis=2)

    def add_block(sums, table):
        nearest = _nearest_of_rows(table[:, :-1], centres)
        members = (nearest[None, :] == jnp.arange(capacity)[:, None]).astype(table.dtype)
        return sums + jnp.matmul(members, table, precision=lax.Precision.HIGHEST), None

    sums, _ = lax.scan(add_block, jnp.zeros((capacity, features.shape[1] + 1), features.dtype), tables)
    counts = sums[:, -1:]
    means = sums[:, :-1] / jnp.where(counts > 0, counts, 1.0)
    return centres._replace(positions=jnp.where(counts > 0, means, centres.positions))


def _in_blocks(rows: Float[Array, "n d"]) -> Float[Array, "t b d"]:
    size = min(_BLOCK_SIZE, rows.shape[0])
    return jnp.pad(rows, ((0, -rows.shape[0] % size), (0, 0))).reshape(-1, size, rows.shape[1])


def _nearest_of_rows(rows: Float[Array, "b d"], centres: Centres) -> Int[Array, " b"]:
    sq_norms = ((centres.positions * centres.positions).sum(axis=1) + jnp.where(centres.present, 0.0, jnp.inf))[None]
    # |row|^2 is the same for all centres.
    products = jnp.matmul(rows, centres.positions.T, precision=lax.Precision.HIGHEST)
    relative = sq_norms - 2 * products
    # Two plain reductions instead of `argmin`, which uses one core.
    is_nearest = relative == relative.min(axis=1, keepdims=True)
    places = jnp.arange(centres.present.shape[0], dtype=jnp.int32)[None]
    return jnp.where(is_nearest, places, centres.present.shape[0] - 1).min(axis=1)
