"""Strategies on repeated passes with dropout on, each pass a draw of the network's weights.

Reference: Gal, Islam and Ghahramani, "Deep Bayesian active learning with image data", 2017; the paper's "bayes" rules.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ddal_jax.selection import Query
from ddal_jax.strategies.base import Pool
from ddal_jax.strategies.picking import query_lowest
from ddal_jax.strategies.scored import negative_entropy


@dataclasses.dataclass(frozen=True, kw_only=True)
class BayesUncertainty:
    """Asks where the mean prediction over weights is least confident of its likeliest class."""

    requires: ClassVar[frozenset[str]] = frozenset({"mc_probs"})

    def prepare(self, key: jax.Array, pool: Pool) -> None:
        """Needs nothing beyond the passes."""
        del key, pool

    def query(self, key: jax.Array, prepared: None, pool: Pool, *, query_size: int) -> Query:
        """Picks the smallest confidences."""
        del prepared
        assert pool.mc_probs is not None
        return query_lowest(key, mean_of_passes(pool.mc_probs).max(axis=1), pool, query_size=query_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BayesEntropy:
    """Asks where the mean prediction over weights has the largest entropy."""

    requires: ClassVar[frozenset[str]] = frozenset({"mc_probs"})

    def prepare(self, key: jax.Array, pool: Pool) -> None:
        """Needs nothing beyond the passes."""
        del key, pool

    def query(self, key: jax.Array, prepared: None, pool: Pool, *, query_size: int) -> Query:
        """Picks the largest entropies."""
        del prepared
        assert pool.mc_probs is not None
        return query_lowest(key, negative_entropy(mean_of_passes(pool.mc_probs)), pool, query_size=query_size)


@dataclasses.dataclass(frozen=True, kw_only=True)
class BALD:
    """Asks where the passes disagree most: the mutual information between the prediction and the weights.

    The B largest are taken at once, so a batch may hold near copies.

    Reference: Houlsby, Huszar, Ghahramani and Lengyel, "Bayesian active learning for classification and preference
    learning", 2011.
    """

    requires: ClassVar[frozenset[str]] = frozenset({"mc_probs"})

    def prepare(self, key: jax.Array, pool: Pool) -> None:
        """Needs nothing beyond the passes."""
        del key, pool

    def query(self, key: jax.Array, prepared: None, pool: Pool, *, query_size: int) -> Query:
        """Picks the largest mutual information; the score is its negative, in nats."""
        del prepared
        assert pool.mc_probs is not None
        return query_lowest(key, -mutual_information(pool.mc_probs), pool, query_size=query_size)


def mean_of_passes(mc_probs: Float[Array, "r n c"]) -> Float[Array, "n c"]:
    """Averages the passes; passes that agree give themselves, to the bit."""
    return jnp.maximum(mc_probs[0] + (mc_probs - mc_probs[:1]).mean(axis=0), 0.0)


def mutual_information(mc_probs: Float[Array, "r n c"]) -> Float[Array, " n"]:
    """Returns H(mean of the passes) - mean of H(pass), in nats; exactly 0 where all passes agree."""
    mean = mean_of_passes(mc_probs)[None]
    # As the mean divergence of a pass from the mean. A difference of two entropies would leave rounding where the
    # passes agree, and rank by it.
    change = mc_probs - mean
    relative = change / jnp.where(mean > 0, mean, 1.0)
    ratio = jnp.where(mc_probs > 0, mc_probs, 1.0) / jnp.where(mean > 0, mean, 1.0)
    log_ratio = jnp.where(relative > -0.5, jnp.log1p(jnp.maximum(relative, -0.5)), jnp.log(ratio))
    return jnp.sum(mc_probs * log_ratio - change, axis=2).mean(axis=0)
