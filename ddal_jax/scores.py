"""Criteria: how little the diffused mass says about a point. Lower score = label first.

Each takes a float32 mass of one row per point (or a single row) and refuses, naming `mass`, one without classes
(`ValueError`) or of no real numbers (`TypeError`). All are read from the label mass F with reach a = sum_c F_c and its
two largest entries F_(1) >= F_(2). For two classes
`min_abs`, the norms, `margin`, `uncertainty` and `negative_entropy` give one order; for more they differ, and what the
differences mean is told with each.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ddal_jax import array_checks
from ddal_jax.diffusion import reach, signed, simplex

Criterion = Callable[[Float[Array, "n c"]], Float[Array, " n"]]
# From the reach a and the pick mass m of every point to what is added to its score.
PickTerm = Callable[[Float[Array, " n"], Float[Array, " n"]], Float[Array, " n"]]


def min_abs(mass: Float[Array, "*n c"]) -> Float[Array, "*n"]:
    """Returns min_c |chi_c|, the paper's criterion; equal to |2 F_(1) - a| for any number of classes.

    It is 0 where no label reaches and where one class holds exactly half the mass. With more than two classes it rises
    again as the largest class falls below half: evenly split over ten classes scores .8, as sure as one class at .9.

    Paper: Eq. (6).
    """
    mass = array_checks.columns("mass", mass)
    return jnp.abs(2 * mass.max(axis=-1) - reach(mass))


def norm(mass: Float[Array, "*n c"], *, p: float | int | np.number = 2) -> Float[Array, "*n"]:
    """Returns the p-norm of chi.

    With p = infinity it equals the reach as soon as one class has no mass there; with p = 1 it does not see the classes
    while the largest holds at most half the mass.

    Args:
      mass: diffused label mass.
      p: in [1, infinity]. Static.

    Raises:
      ValueError: p below 1 or NaN.

    Paper: appendix A, the one-vs-all approach.
    """
    if isinstance(p, bool) or not isinstance(p, int | float | np.integer | np.floating) or not p >= 1:
        raise ValueError(f"p must be a number in [1, infinity]; got {p!r}.")
    chi = signed(mass)
    # The largest entry is taken out first, or high powers of small numbers would vanish.
    largest = jnp.abs(chi).max(axis=-1)
    scaled = chi / jnp.where(largest > 0, largest, 1.0)[..., None]
    return largest * jnp.linalg.norm(scaled, ord=float(p), axis=-1)


def norm_1(mass: Float[Array, "*n c"]) -> Float[Array, "*n"]:
    """Returns the 1-norm of chi: see `norm`."""
    return norm(mass, p=1)


def norm_infinity(mass: Float[Array, "*n c"]) -> Float[Array, "*n"]:
    """Returns the largest |chi_c|: see `norm`."""
    return norm(mass, p=np.inf)


def margin(mass: Float[Array, "*n c"]) -> Float[Array, "*n"]:
    """Returns F_(1) - F_(2), the lead of the first class over the second; the same for q as for F.

    Paper: appendix A, the multivariate approach.
    """
    first, second = _two_largest(mass)
    return first - second


def root_reach_margin(mass: Float[Array, "*n c"]) -> Float[Array, "*n"]:
    """Returns (F_(1) - F_(2)) / sqrt(a), 0 where nothing reaches: the margin with the pull of low reach discounted.

    Beyond the paper: the plain margin asks barely reached points before evenly split ones, however sure they are.
    """
    first, second = _two_largest(mass)
    total = reach(mass)
    reached = total > 0
    return jnp.where(reached, (first - second) / jnp.sqrt(jnp.where(reached, total, 1.0)), 0.0)


def uncertainty(mass: Float[Array, "*n c"]) -> Float[Array, "*n"]:
    """Returns max_c q_c, the confidence in the likeliest class: least confidence asks the smallest first.

    Paper: appendix A, the multivariate approach.
    """
    return simplex(mass).max(axis=-1)


def negative_entropy(mass: Float[Array, "*n c"]) -> Float[Array, "*n"]:
    """Returns sum_c q_c log q_c in [-log C, 0], in nats.

    Paper: appendix A, the multivariate approach.
    """
    q = simplex(mass)
    return jnp.sum(jax.scipy.special.xlogy(q, q), axis=-1)


def mass(mass: Float[Array, "*n c"]) -> Float[Array, "*n"]:
    """Returns the reach a: explores only, and never refines a boundary."""
    return reach(mass)


def _two_largest(mass: Float[Array, "*n c"]) -> tuple[Float[Array, "*n"], Float[Array, "*n"]]:
    """Returns F_(1) and F_(2); with a single class the second is 0."""
    mass = array_checks.columns("mass", mass)
    classes = jax.lax.broadcasted_iota(jnp.int32, mass.shape, mass.ndim - 1)
    others = jnp.where(classes == mass.argmax(axis=-1, keepdims=True), 0.0, mass)
    return mass.max(axis=-1), others.max(axis=-1)


def _whole(reach: Float[Array, "*n"], pick_mass: Float[Array, "*n"]) -> Float[Array, "*n"]:
    del reach
    return pick_mass


def _over_root_reach(reach: Float[Array, "*n"], pick_mass: Float[Array, "*n"]) -> Float[Array, "*n"]:
    """Returns m / sqrt(a + m), 0 where nothing reaches: the pick mass on the scale of the root-reach margin."""
    total = reach + pick_mass
    met = total > 0
    return jnp.where(met, pick_mass / jnp.sqrt(jnp.where(met, total, 1.0)), 0.0)


CRITERIA = {
    "min_abs": min_abs,
    "norm": norm,
    "norm_1": norm_1,
    "norm_infinity": norm_infinity,
    "margin": margin,
    "root_reach_margin": root_reach_margin,
    "uncertainty": uncertainty,
    "negative_entropy": negative_entropy,
    "mass": mass,
}
# How a criterion counts the picks of a batch in the making (`diversity.redistribute`); for the others no form is known.
PICK_TERMS: dict[Criterion, PickTerm] = {
    min_abs: _whole,
    margin: _whole,
    root_reach_margin: _over_root_reach,
}
