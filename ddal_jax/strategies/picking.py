"""How strategies pick: all at once by a score, one after the other by a value, or at random by a rate."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ddal_jax.selection import Query, lowest
from ddal_jax.strategies.base import Pool


def query_of(indices: Int[Array, " b"], scores: Float[Array, " b"]) -> Query:
    """Makes a query of what was picked; without a graph every point counts as reached."""
    found = indices >= 0
    return Query(indices, jnp.where(found, scores, jnp.nan), found)


def query_lowest(key: jax.Array, score: Float[Array, " n"], pool: Pool, *, query_size: int) -> Query:
    """Picks the lowest scores among the unlabelled, ties by lottery."""
    indices = lowest(key, score, pool.labeled, query_size=query_size)
    return query_of(indices, score[indices])


def query_in_turn(indices: Int[Array, " b"]) -> Query:
    """Makes a query whose picks have an order but no comparable values: the score is the place in the batch."""
    return query_of(indices, jnp.arange(indices.shape[0], dtype=jnp.float32))


def draw_lots(key: jax.Array, num_points: int) -> Int[Array, " n"]:
    """Draws the lots that settle ties in `smallest`: one per point, not negative."""
    return (jax.random.bits(key, (num_points,), jnp.uint32) >> 1).astype(jnp.int32)


def smallest(values: Float[Array, " n"], eligible: Bool[Array, " n"], lots: Int[Array, " n"]) -> Int[Array, ""]:
    """Picks the eligible point with the smallest value, ties by lot; -1 where none is eligible.

    NaN counts as infinity. The lots may serve a whole batch: points that still tie keep exchangeable lots.
    """
    # Three plain reductions use all cores; `argmin` uses one.
    ranked = jnp.where(eligible & ~jnp.isnan(values), values, jnp.inf)
    tied = jnp.where(eligible & (ranked == ranked.min()), lots, -1)
    drawn = tied.max()
    everyone = jnp.arange(values.shape[0], dtype=jnp.int32)
    return jnp.where(drawn >= 0, jnp.where(tied == drawn, everyone, values.shape[0]).min(), -1)


def start_clocks(key: jax.Array, num_points: int) -> Float[Array, " n"]:
    """Sets a clock for each point, from which `draw_by_rate` takes all its chance."""
    return jax.random.exponential(key, (num_points,))


def draw_by_rate(
    clocks: Float[Array, " n"], rates: Float[Array, " n"], eligible: Bool[Array, " n"], lots: Int[Array, " n"]
) -> tuple[Int[Array, ""], Float[Array, " n"]]:
    """Draws an eligible point with a chance proportional to its rate, uniformly where all rates are 0.

    Clocks hold exponential times and run at the rates; the first to run out is drawn. An exponential time has no
    memory, so what remains on the other clocks is as good as new: a batch whose rates change from draw to draw needs
    one set of clocks, and no cumulative sums.

    Args:
      clocks: from `start_clocks`, or as the draw before left them.
      rates: not negative; NaN and infinity count as 0.
      eligible: True where a point may be drawn.
      lots: for clocks that run out together.

    Returns:
      The point, -1 where none is eligible, and the clocks after it.
    """
    rates = jnp.where(eligible & jnp.isfinite(rates), rates, 0.0)
    largest = rates.max()
    rates = jnp.where(largest > 0, rates / jnp.where(largest > 0, largest, 1.0), eligible.astype(rates.dtype))
    runs = rates > 0
    waits = jnp.where(runs, clocks / jnp.where(runs, rates, 1.0), jnp.inf)
    drawn = smallest(waits, runs, lots)
    elapsed = jnp.where(drawn >= 0, waits[drawn], 0.0)
    return drawn, jnp.maximum(clocks - elapsed * rates, 0.0)
