"""What a network's predictions say of each point: the lower, the sooner it is asked.

Passes are repeated predictions with dropout on, each a draw of the network's weights.

Reference: Gal, Islam and Ghahramani, "Deep Bayesian active learning with image data", 2017, for the passes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def confidence(probs: Float[Array, "n c"]) -> Float[Array, " n"]:
    """Returns the probability of the likeliest class.

    Reference: Lewis and Gale, 1994; the paper's "uncertainty".
    """
    return probs.max(axis=1)


def negative_entropy(probs: Float[Array, "n c"]) -> Float[Array, " n"]:
    """Returns sum_c p_c log p_c, in nats.

    Reference: Holub, Perona and Burl, 2008; the paper's "entropy".
    """
    return jnp.sum(jax.scipy.special.xlogy(probs, probs), axis=1)


def agreement(mc_probs: Float[Array, "r n c"]) -> Float[Array, " n"]:
    """Returns the negative mutual information between the prediction and the weights: BALD asks where passes disagree.

    The B lowest are taken at once, so a batch may hold near copies.

    Reference: Houlsby, Huszar, Ghahramani and Lengyel, "Bayesian active learning for classification and preference
    learning", 2011.
    """
    return -mutual_information(mc_probs)


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
