"""How fast clamped diffusion converges, and how near its limit is to phi_2: Lemma 1 repaired.

Held labels make the limit their harmonic extension, not phi_2. What can be said:

- What is missing from the limit loses at least the factor rho(M_uu) a step, and 1 - rho <= cut(l, u) / vol(u): a few
  labels take some N / n_l steps, not a few.
- The limit is near an affine function of phi_2 when the labels are, and when clusters mix slower than their labels
  absorb: |chi - c phi_2 - d| <= max |y - c phi_2 - d| over the labels + |c| |e|, with a bound on e.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from ddal_jax import array_checks, checks, conjugate_gradients
from ddal_jax.diffusion import checked_signal, reach
from ddal_jax.graph.components import symmetric
from ddal_jax.graph.table import weighted_sums
from ddal_jax.graph.types import Graph
from ddal_jax.theory.angles import Vector, length, node_values, numbers
from ddal_jax.theory.cuts import cut_weight, volume


class Lemma1(NamedTuple):
    """The pieces of Lemma 1 repaired: chi = c phi_2 + d + h - c e, with |h| <= misfit and ||e||_D <= bound.

    Attributes:
      slope: c, of the least-squares fit of the labels by phi_2; 0 where phi_2 does not vary on them.
      offset: d.
      misfit: max |y - c phi_2 - d| over the labels.
      error: e = phi_2 less the harmonic extension of its values on the labels; 0 there.
      error_norm: ||e||_D.
      bound: of that norm, `ratio` times the D-norm of phi_2 on the unlabelled nodes.
      ratio: (1 - lambda_2) / (1 - rho(M_uu)): how fast clusters mix over how fast labels absorb; infinite at rho = 1.
    """

    slope: Float[Array, ""]
    offset: Float[Array, ""]
    misfit: Float[Array, ""]
    error: Float[Array, " n"]
    error_norm: Float[Array, ""]
    bound: Float[Array, ""]
    ratio: Float[Array, ""]


def steps_needed(rate: Shaped[jax.typing.ArrayLike, "..."], tolerance: float) -> Float[Array, "..."]:
    """Returns the smallest whole T with rate^T <= tolerance, up to rounding: so many steps are enough.

    With the `clamped_rate` the D-norm of what is missing from the limit is then at most `tolerance` times what was
    missing at the start. With 1 - `label_conductance` it is a lower bound: for some start fewer steps are not enough.

    Args:
      rate: in [0, 1]; any shape.
      tolerance: above 0.

    Returns:
      Whole numbers as floats, since they are infinite at rate 1; 0 where the tolerance is 1 or more.
    """
    tolerance = checks.positive_float("tolerance", tolerance)
    rate = numbers("rate", rate)
    if array_checks.is_concrete(rate) and not ((np.asarray(rate) >= 0) & (np.asarray(rate) <= 1)).all():
        raise ValueError(f"rate must lie in [0, 1]; got {np.asarray(rate)}.")
    if tolerance >= 1:
        return jnp.zeros_like(rate)
    return _steps_needed(rate, math.log(tolerance))


def label_conductance(graph: Graph, labeled: Vector) -> Float[Array, ""]:
    """Returns cut(l, u) / vol(u), about n_l / N: no clamped diffusion converges faster.

    1 - rho(M_uu) is at most this, and so is the degree-weighted mean mass on the unlabelled nodes divided by the steps
    taken (`mean_mass`): less than a mean mass m has arrived before m / conductance steps. 1 where nothing unlabelled
    has an edge.

    Args:
      graph: symmetric.
      labeled: True where the label is known.

    Raises:
      ValueError: a mask of another length than the graph.
      TypeError: `graph` is no symmetric graph, a mask that is not boolean.
    """
    labeled = array_checks.boolean_mask("labeled", labeled, symmetric("graph", graph).degrees.shape[0])
    return _label_conductance(graph, labeled)


def mean_mass(graph: Graph, mass: Shaped[jax.typing.ArrayLike, "n c"], labeled: Vector) -> Float[Array, ""]:
    """Returns the mean reach of the unlabelled nodes, weighted by degrees: at most T times `label_conductance`.

    0 where nothing unlabelled has an edge. Arguments and refusals as in `diffuse`, on a symmetric graph.
    """
    mass = checked_signal("mass", symmetric("graph", graph), mass)
    labeled = array_checks.boolean_mask("labeled", labeled, graph.degrees.shape[0])
    return _mean_mass(graph, mass, labeled)


def lemma_1(
    graph: Graph,
    signal: Vector,
    labeled: Vector,
    phi: Vector,
    eigenvalue: Shaped[jax.typing.ArrayLike, ""],
    rate: Shaped[jax.typing.ArrayLike, ""],
    *,
    tolerance: float = 1e-5,
    max_steps: int = 10_000,
) -> Lemma1:
    """Measures how far labels keep clamped diffusion from phi_2, and bounds it.

    At every node |chi - c phi_2 - d| <= misfit + |c| |e|. Works inside a caller's `jit` and `vmap`.

    Args:
      graph: symmetric, every unlabelled node joined to a label.
      signal: y, read only where labelled.
      labeled: True where the label is known.
      phi: phi_2, or any other eigenvector of M.
      eigenvalue: lambda_2, that of `phi`.
      rate: rho(M_uu), from `spectral.clamped_rate`.
      tolerance: e is sought until one more step would change it by at most this times (1 - lambda_2) max |phi|.
      max_steps: stop after this many steps.

    Raises:
      ValueError: arrays that do not lie on the nodes or are not finite, numbers out of range.
      TypeError: `graph` is no symmetric graph, arrays of the wrong kind.

    Paper: Lemma 1, which claims e = 0 and a perfect fit.
    """
    graph = symmetric("graph", graph)
    signal, phi = node_values("signal", graph, signal), node_values("phi", graph, phi)
    labeled = array_checks.boolean_mask("labeled", labeled, graph.degrees.shape[0])
    eigenvalue, rate = numbers("eigenvalue", eigenvalue), numbers("rate", rate)
    checks.rank("eigenvalue", eigenvalue, 0, "[]")
    checks.rank("rate", rate, 0, "[]")
    tolerance = checks.positive_float("tolerance", tolerance)
    max_steps = checks.integer("max_steps", max_steps, low=1, high=checks.INT32_MAX)
    return _lemma_1(graph, signal, labeled, phi, eigenvalue, rate, tolerance, max_steps)


@jax.jit
def _steps_needed(rate: Float[Array, "..."], log_tolerance) -> Float[Array, "..."]:
    shrinks = (rate > 0) & (rate < 1)
    steps = jnp.ceil(log_tolerance / jnp.log(jnp.where(shrinks, rate, 0.5)))
    return jnp.where(shrinks, jnp.maximum(steps, 1.0), jnp.where(rate > 0, jnp.inf, 1.0))


@jax.jit
def _label_conductance(graph: Graph, labeled: Bool[Array, " n"]) -> Float[Array, ""]:
    unlabeled = volume(graph, ~labeled)
    has_volume = unlabeled > 0
    return jnp.where(has_volume, cut_weight(graph, labeled) / jnp.where(has_volume, unlabeled, 1.0), 1.0)


@jax.jit
def _mean_mass(graph: Graph, mass: Float[Array, "n c"], labeled: Bool[Array, " n"]) -> Float[Array, ""]:
    unlabeled = volume(graph, ~labeled)
    arrived = jnp.sum(jnp.where(labeled, 0.0, graph.degrees * reach(mass)))
    return jnp.where(unlabeled > 0, arrived / jnp.where(unlabeled > 0, unlabeled, 1.0), 0.0)


@jax.jit
def _lemma_1(graph: Graph, signal, labeled, phi, eigenvalue, rate, tolerance, max_steps) -> Lemma1:
    slope, offset = _fit(phi, signal, labeled)
    misfit = jnp.where(labeled, jnp.abs(signal - slope * phi - offset), 0.0).max()
    gap = jnp.asarray(1 - eigenvalue, phi.dtype)
    error = _harmonic_error(graph, labeled, phi, tolerance, max_steps) * gap
    absorbing = jnp.asarray(1 - rate, phi.dtype)
    ratio = jnp.where(absorbing > 0, gap / jnp.where(absorbing > 0, absorbing, 1.0), jnp.inf)
    outside = jnp.where(labeled, 0.0, phi)
    bound = jnp.where(outside.any(), ratio * length(graph, outside), 0.0)
    return Lemma1(slope, offset, misfit, error, length(graph, error), bound, ratio)


def _fit(
    phi: Float[Array, " n"], signal: Float[Array, " n"], labeled: Bool[Array, " n"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Fits the labels by an affine function of phi, by least squares."""
    count = jnp.maximum(labeled.sum(), 1)

    def mean(values):
        return jnp.sum(jnp.where(labeled, values, 0.0)) / count

    spread = phi - mean(phi)
    variance = mean(spread * spread)
    varies = variance > (4 * jnp.finfo(phi.dtype).eps) ** 2 * mean(phi * phi)
    slope = jnp.where(varies, mean(spread * signal) / jnp.where(varies, variance, 1.0), 0.0)
    return slope, mean(signal) - slope * mean(phi)


def _harmonic_error(graph: Graph, labeled, phi, tolerance, max_steps) -> Float[Array, " n"]:
    """Solves (I - M_uu) x = phi_u; (1 - lambda) x is phi less the harmonic extension of its labelled values."""

    def laplacian(signal):
        return graph.degrees[:, None] * signal - weighted_sums(graph, signal)

    def is_met(search, _):
        change = search.residual[:, 0] / jnp.where(graph.degrees > 0, graph.degrees, 1.0)
        return jnp.abs(change).max() <= tolerance * jnp.abs(phi).max()

    right = (graph.degrees * phi)[:, None]
    search = conjugate_gradients.solve(laplacian, graph.degrees, right, ~labeled, is_met=is_met, max_steps=max_steps)
    return search.solution[:, 0]
