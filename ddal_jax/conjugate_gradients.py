"""Conjugate gradients for symmetric systems on a graph, one independent search per column."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int


class Search(NamedTuple):
    """How far a search has come.

    Attributes:
      solution: x.
      residual: b - A x; 0 where x is not sought.
      direction: of the next step.
      energy: sum over rows of the squared residual divided by the diagonal.
      num_steps: taken; each multiplies by A once.
    """

    solution: Float[Array, "n c"]
    residual: Float[Array, "n c"]
    direction: Float[Array, "n c"]
    energy: Float[Array, " c"]
    num_steps: Int[Array, ""]


def solve(
    apply: Callable[[Float[Array, "n c"]], Float[Array, "n c"]],
    diagonal: Float[Array, " n"],
    right: Float[Array, "n c"],
    free: Bool[Array, " n"],
    *,
    is_met: Callable[[Search, Float[Array, " c"]], Bool[Array, ""]],
    max_steps: int | Int[Array, ""],
) -> Search:
    """Solves A x = b on the free rows, x = 0 on the others; a singular A is met where b lies in its range.

    Columns of zeros stay exactly zero, and so do rows that no free path leads to from a row where b is not zero.

    Args:
      apply: multiplies by A, symmetric and without negative eigenvalues.
      diagonal: of A, by which residuals are scaled; a row where it is 0 stays 0.
      right: b.
      free: True where x is sought.
      is_met: tells from the search and the energy it began with whether to stop.
      max_steps: stop after this many steps, converged or not.
    """
    scale = jnp.where(free & (diagonal > 0), 1 / jnp.where(diagonal > 0, diagonal, 1.0), 0.0)[:, None]

    def energy_of(residual):
        return jnp.sum(scale * residual * residual, axis=0)

    start = jnp.where(free[:, None], right, 0.0)
    start_energy = energy_of(start)

    def unfinished(search):
        return ~is_met(search, start_energy) & (search.num_steps < max_steps)

    def advance(search):
        image = jnp.where(free[:, None], apply(search.direction), 0.0)
        length = _ratio(search.energy, jnp.sum(search.direction * image, axis=0))
        residual = search.residual - length[None] * image
        energy = energy_of(residual)
        direction = scale * residual + _ratio(energy, search.energy)[None] * search.direction
        solution = search.solution + length[None] * search.direction
        return Search(solution, residual, direction, energy, search.num_steps + 1)

    search = Search(jnp.zeros_like(right), start, scale * start, start_energy, jnp.asarray(0, jnp.int32))
    return lax.while_loop(unfinished, advance, search)


def _ratio(numerator: Float[Array, " c"], denominator: Float[Array, " c"]) -> Float[Array, " c"]:
    """Divides, with 0 for a column whose search has ended exactly."""
    positive = denominator > 0
    return jnp.where(positive, numerator / jnp.where(positive, denominator, 1.0), 0.0)
