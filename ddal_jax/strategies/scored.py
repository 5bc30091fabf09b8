"""Strategies that score each point on its own: random, and what the network's probabilities tell."""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ddal_jax import scores
from ddal_jax.selection import Query
from ddal_jax.strategies.base import Pool
from ddal_jax.strategies.picking import query_lowest


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """Asks where the network is least confident of its likeliest class.

    Reference: Lewis and Gale, 1994; the paper's "uncertainty".
    """

    requires: ClassVar[frozenset[str]] = frozenset({"probs"})

    def prepare(self, key: jax.Array, pool: Pool) -> None:
        """Needs nothing beyond the probabilities."""
        del key, pool

    def query(self, key: jax.Array, prepared: None, pool: Pool, *, query_size: int) -> Query:
        """Picks the smallest confidences."""
        del prepared
        assert pool.probs is not None
        return query_lowest(key, pool.probs.max(axis=1), pool, query_size=query_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entropy:
    """Asks where the network's probabilities have the largest entropy.

    Reference: Holub, Perona and Burl, 2008; the paper's "entropy".
    """

    requires: ClassVar[frozenset[str]] = frozenset({"probs"})

    def prepare(self, key: jax.Array, pool: Pool) -> None:
        """Needs nothing beyond the probabilities."""
        del key, pool

    def query(self, key: jax.Array, prepared: None, pool: Pool, *, query_size: int) -> Query:
        """Picks the largest entropies."""
        del prepared
        assert pool.probs is not None
        return query_lowest(key, negative_entropy(pool.probs), pool, query_size=query_size)


def negative_entropy(probs: Float[Array, "n c"]) -> Float[Array, " n"]:
    """Returns sum_c p_c log p_c, in nats."""
    return jnp.sum(jax.scipy.special.xlogy(probs, probs), axis=1)
