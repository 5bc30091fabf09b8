"""BADGE: k-means++ seeding on the gradients that the network's own guesses would cause in its last layer.

The gradient of point i with respect to the last weights is the outer product of r_i = p_i - onehot(argmax p_i) and
the features h_i. It is never formed. With dr = r_i - r_j and dh = h_i - h_j the difference of two gradients is
dr h_i' + r_j dh', so

    |g_i - g_j|^2 = |dr|^2 |h_i|^2 + 2 (dr.r_j) (h_i.dh) + |r_j|^2 |dh|^2,   2 h_i.dh = |h_i|^2 - |h_j|^2 + |dh|^2,

which is the textbook n_i + n_j - 2 (r_i.r_j)(h_i.h_j) without its cancellation: copies of a pick get exactly 0.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from ddal_jax.reduction import ordered_sum
from ddal_jax.selection import Query
from ddal_jax.strategies.base import Pool
from ddal_jax.strategies.geometric import sq_distances_to
from ddal_jax.strategies.picking import draw_by_rate, draw_lots, query_in_turn, smallest, start_clocks


class Gradients(NamedTuple):
    """Gradients of the last layer as factors, coordinates first.

    Attributes:
      residuals: r, the probabilities less the one-hot of the guessed class.
      features: h.
      sq_residual_norms: |r|^2.
      sq_feature_norms: |h|^2.
    """

    residuals: Float[Array, "c n"]
    features: Float[Array, "d n"]
    sq_residual_norms: Float[Array, " n"]
    sq_feature_norms: Float[Array, " n"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class BADGE:
    """Draws points whose gradients are large and different from each other.

    The first pick has the largest gradient, as in the authors' program (k-means++ itself draws it uniformly). Each
    further one is drawn with a chance proportional to its squared distance to the nearest pick; where all are 0, with
    equal chances. Only gradients of unlabelled points take part: labelled points are no centres. A drawn batch has no
    order of merit, so the score is the place in it. Work is O(B N (d + C)).

    Reference: Ash, Zhang, Krishnamurthy, Langford and Agarwal, "Deep batch active learning by diverse, uncertain
    gradient lower bounds", 2020.
    """

    @property
    def requires(self) -> frozenset[str]:
        """See `QueryStrategy`."""
        return frozenset({"features", "probs"})

    def prepare(self, key: jax.Array, pool: Pool) -> Gradients:
        """Computes the factors of the gradients."""
        del key
        assert pool.features is not None
        assert pool.probs is not None
        guesses = jax.nn.one_hot(pool.probs.argmax(axis=1), pool.probs.shape[1], dtype=pool.probs.dtype)
        return gradients(pool.probs - guesses, pool.features)

    def query(self, key: jax.Array, prepared: Gradients, pool: Pool, *, query_size: int) -> Query:
        """Picks the largest gradient and draws the others."""
        lots_key, clocks_key = jax.random.split(key)
        lots = draw_lots(lots_key, pool.labeled.shape[0])
        clocks = start_clocks(clocks_key, pool.labeled.shape[0])

        def draw(state, _):
            sq_distances, clocks, eligible, last = state
            sq_distances = jnp.minimum(sq_distances, sq_gradient_distances(prepared, last))
            drawn, clocks = draw_by_rate(clocks, sq_distances, eligible, lots)
            return (sq_distances, clocks, eligible.at[drawn].set(False), drawn), drawn

        sq_norms = prepared.sq_residual_norms * prepared.sq_feature_norms
        first = smallest(-sq_norms, ~pool.labeled, lots)
        eligible = (~pool.labeled).at[first].set(False)
        start = (jnp.full(pool.labeled.shape, jnp.inf), clocks, eligible, first)
        _, others = lax.scan(draw, start, length=query_size - 1)
        return query_in_turn(jnp.concatenate([first[None], others]))


def gradients(residuals: Float[Array, "n c"], features: Float[Array, "n d"]) -> Gradients:
    """Returns gradients as factors with their norms."""
    residuals, features = residuals.T, features.T
    sq_residual_norms = ordered_sum(residuals * residuals, axis=0)
    return Gradients(residuals, features, sq_residual_norms, ordered_sum(features * features, axis=0))


def sq_gradient_distances(gradients: Gradients, index: Int[Array, ""]) -> Float[Array, " n"]:
    """Measures all gradients from one; 0 at its copies."""
    own_residual = gradients.residuals[:, index][:, None]
    change = gradients.residuals - own_residual
    along = ordered_sum(change * own_residual, axis=0)
    sq_change = ordered_sum(change * change, axis=0)
    sq_apart = sq_distances_to(gradients.features, index)
    twice_shift = gradients.sq_feature_norms - gradients.sq_feature_norms[index] + sq_apart
    own = gradients.sq_residual_norms[index] * sq_apart
    return jnp.maximum(sq_change * gradients.sq_feature_norms + along * twice_shift + own, 0.0)
