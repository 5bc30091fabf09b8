"""Strategies that score each point on its own: random, and the field's baseline to beat, margin."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ddal_jax import scores
from ddal_jax.selection import Query, lowest
from ddal_jax.strategies.base import Pool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Random:
    """Draws points uniformly."""

    requires: ClassVar[frozenset[str]] = frozenset()

    def prepare(self, key: jax.Array, pool: Pool) -> None:
        """Needs nothing."""
        del key, pool

    def query(self, key: jax.Array, prepared: None, pool: Pool, *, query_size: int) -> Query:
        """Draws lots among the unlabelled."""
        del prepared
        return query_lowest(key, jnp.zeros(pool.labeled.shape), pool, query_size=query_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Margin:
    """Asks where the network's two likeliest classes are closest.

    Reference: Scheffer, Decomain and Wrobel, 2001; the paper's "margin".
    """

    requires: ClassVar[frozenset[str]] = frozenset({"probs"})

    def prepare(self, key: jax.Array, pool: Pool) -> None:
        """Needs nothing beyond the probabilities."""
        del key, pool

    def query(self, key: jax.Array, prepared: None, pool: Pool, *, query_size: int) -> Query:
        """Picks the smallest margins."""
        del prepared
        assert pool.probs is not None
        return query_lowest(key, scores.margin(pool.probs), pool, query_size=query_size)


def query_lowest(key: jax.Array, score: Float[Array, " n"], pool: Pool, *, query_size: int) -> Query:
    """Picks the lowest scores; without a graph every point counts as reached."""
    indices = lowest(key, score, pool.labeled, query_size=query_size)
    found = indices >= 0
    return Query(indices, jnp.where(found, score[indices], jnp.nan), found)
