"""The harmonic limit: what clamped diffusion tends to as T grows, Eq. (4), L_uu chi_u = -L_ul y_l.

Solved for the label mass F, one column per class, so that reach, chi and q are read from it as at finite T. The
solution is the minimal one: nodes from which no label can be reached stay exactly 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.conjugate_gradients import solve
from ddal_jax.diffusion import checked_signal, walk
from ddal_jax.graph.table import weighted_sums
from ddal_jax.graph.types import AnyGraph, DirectedGraph, Graph


class HarmonicResult(NamedTuple):
    """The limit of diffusion and how well it was met.

    Attributes:
      mass: F at T = infinity; labelled rows as given.
      residual: largest change that one more diffusion step would make to an entry of `mass`.
      num_steps: steps taken; each costs one walk.
    """

    mass: Float[Array, "n c"]
    residual: Float[Array, ""]
    num_steps: Int[Array, ""]


def harmonic(
    graph: AnyGraph,
    mass: Shaped[jax.typing.ArrayLike, "n c"],
    labeled: Shaped[jax.typing.ArrayLike, " n"],
    *,
    tolerance: float = 1e-5,
    max_steps: int = 10_000,
) -> HarmonicResult:
    """Solves for the limit of clamped diffusion.

    Conjugate gradients, scaled by the degrees, on a `Graph`; plain diffusion to convergence on a `DirectedGraph`, whose
    matrix is not symmetric. A small residual is not yet a small error: the error is at most the residual times the
    expected number of steps a walk takes to meet a label. Works inside a caller's `jit` and `vmap`.

    Args:
      graph: neighbourhoods of the pool.
      mass: from `label_mass`, or diffused already; only labelled rows are read.
      labeled: True where the label is known.
      tolerance: stop when the residual is at most this; float32 allows about 1e-6.
      max_steps: stop after this many steps, converged or not; the result tells.

    Returns:
      The limit, its residual and the steps taken.

    Raises:
      ValueError: shapes that do not fit the graph, mass that is not finite, a tolerance or step limit not above 0.
      TypeError: a mask that is not boolean, a tolerance that is no number, a step limit that is no integer.

    Paper: Eq. (4); the iteration it prints as Eq. (5) is the one used on a directed graph.
    """
    mass = checked_signal("mass", graph, mass)
    labeled = array_checks.boolean_mask("labeled", labeled, graph.degrees.shape[0])
    tolerance = checks.positive_float("tolerance", tolerance)
    max_steps = checks.integer("max_steps", max_steps, low=1, high=checks.INT32_MAX)
    mass = jnp.where(labeled[:, None], mass, 0.0)
    solve = _iterate if isinstance(graph, DirectedGraph) else _conjugate_gradients
    return solve(graph, mass, labeled, tolerance, max_steps)


def _clamped_step(graph: AnyGraph, current: Float[Array, "n c"], labeled: Bool[Array, " n"]) -> Float[Array, "n c"]:
    return jnp.where(labeled[:, None], current, walk(graph, current))


@jax.jit
def _iterate(graph: DirectedGraph, mass, labeled, tolerance, max_steps) -> HarmonicResult:
    def unfinished(state):
        _, change, step = state
        return (change > tolerance) & (step < max_steps)

    def advance(state):
        current, _, step = state
        following = _clamped_step(graph, current, labeled)
        return following, jnp.abs(following - current).max(), step + 1

    start = (mass, jnp.asarray(jnp.inf, mass.dtype), jnp.asarray(0, jnp.int32))
    solution, _, num_steps = jax.lax.while_loop(unfinished, advance, start)
    return _result(graph, solution, labeled, num_steps)


@jax.jit
def _conjugate_gradients(graph: Graph, mass, labeled, tolerance, max_steps) -> HarmonicResult:
    def laplacian(signal):
        return graph.degrees[:, None] * signal - weighted_sums(graph, signal)

    def changes_less(search, start_energy):
        # The residual divided by the degrees is what one more step of diffusion would change.
        change = search.residual / jnp.where(graph.degrees > 0, graph.degrees, 1.0)[:, None]
        return jnp.abs(change).max() <= tolerance

    search = solve(
        laplacian, graph.degrees, weighted_sums(graph, mass), ~labeled, is_met=changes_less, max_steps=max_steps
    )
    solution = jnp.where(labeled[:, None], mass, jnp.clip(search.solution, 0.0, 1.0))
    return _result(graph, solution, labeled, search.num_steps)


def _result(graph: AnyGraph, solution, labeled, num_steps) -> HarmonicResult:
    residual = jnp.abs(_clamped_step(graph, solution, labeled) - solution).max()
    return HarmonicResult(solution, residual, num_steps)
