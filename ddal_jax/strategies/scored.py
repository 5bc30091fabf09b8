"""Strategies that judge each point on its own: by lot, or by what the network's predictions say of it."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ddal_jax import checks, scores
from ddal_jax.selection import Query
from ddal_jax.strategies import predictions
from ddal_jax.strategies.base import Pool
from ddal_jax.strategies.picking import query_lowest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Random:
    """Draws points uniformly."""

    @property
    def requires(self) -> frozenset[str]:
        """See `QueryStrategy`."""
        return frozenset()

    def prepare(self, key: jax.Array, pool: Pool) -> None:
        """Needs nothing."""
        del key, pool

    def query(self, key: jax.Array, prepared: None, pool: Pool, *, query_size: int) -> Query:
        """Draws lots among the unlabelled."""
        del prepared
        return query_lowest(key, jnp.zeros(pool.labeled.shape), pool, query_size=query_size)


class Score(NamedTuple):
    """How little a prediction says of a point.

    Attributes:
      requires: the part of `Pool` it is read from.
      of: from the pool to one number a point, the lowest asked first.
    """

    requires: str
    of: Callable[[Pool], Float[Array, " n"]]


def _of_probs(score: Callable[[Float[Array, "n c"]], Float[Array, " n"]]) -> Score:
    def of(pool: Pool) -> Float[Array, " n"]:
        assert pool.probs is not None
        return score(pool.probs)

    return Score("probs", of)


def _of_passes(score: Callable[[Float[Array, "r n c"]], Float[Array, " n"]]) -> Score:
    def of(pool: Pool) -> Float[Array, " n"]:
        assert pool.mc_probs is not None
        return score(pool.mc_probs)

    return Score("mc_probs", of)


def _of_mean(score: Callable[[Float[Array, "n c"]], Float[Array, " n"]]) -> Score:
    return _of_passes(lambda mc_probs: score(predictions.mean_of_passes(mc_probs)))


# The margin is Scheffer, Decomain and Wrobel's, 2001.
SCORES: dict[str, Score] = {
    "margin": _of_probs(scores.margin),
    "uncertainty": _of_probs(predictions.confidence),
    "entropy": _of_probs(predictions.negative_entropy),
    "bayes_uncertainty": _of_mean(predictions.confidence),
    "bayes_entropy": _of_mean(predictions.negative_entropy),
    "bald": _of_passes(predictions.agreement),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scored:
    """Asks the points of the lowest scores, ties by lottery.

    Attributes:
      score: "margin", "uncertainty" (least confidence) or "entropy"; "bayes_uncertainty" or "bayes_entropy" of the mean
        over passes with dropout; "bald".

    Paper: Section VI, the criteria it is compared with.
    """

    score: str

    def __post_init__(self) -> None:
        checks.choice("score", self.score, SCORES)

    @property
    def requires(self) -> frozenset[str]:
        """The part of the pool that the score is read from."""
        return frozenset({SCORES[self.score].requires})

    def prepare(self, key: jax.Array, pool: Pool) -> None:
        """Needs nothing beyond the predictions."""
        del key, pool

    def query(self, key: jax.Array, prepared: None, pool: Pool, *, query_size: int) -> Query:
        """Picks the lowest scores."""
        del prepared
        return query_lowest(key, SCORES[self.score].of(pool), pool, query_size=query_size)
