"""How fast a power iteration tends to phi_2: Lemma 1 and Proposition 1 as they can be repaired without labels held.

Printed, chi_t = M^t chi_0 tends to phi_2. It does not: it tends to the constant of eigenvalue 1. It would if the
constants were projected out, in every step, since rounding brings them back, and if the negative end of the spectrum
were out of the way: on grids, paths and all bipartite graphs that is -1 and wins. The lazy walk (I + M) / 2 has no
negative eigenvalues. Its angle to phi_2 follows a closed form. `clamped` treats the iteration that holds the labels.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.diffusion import checked_signal, walk
from ddal_jax.graph.components import symmetric
from ddal_jax.graph.types import Graph
from ddal_jax.theory.angles import Vector, length, node_values, numbers, varying

_ORTHONORMAL = 1e-2  # far above rounding, far below what another normalisation gives


class PowerTrace(NamedTuple):
    """How a power iteration went; entry t of each list is after t steps.

    Attributes:
      signal: the last iterate, of D-norm one; without a constant part unless that is kept.
      cosines: of the angle to the target by degrees, in [0, 1].
      tangents: of the same angle; infinite at a right angle. Small angles are read from here: their cosines round to 1.
    """

    signal: Float[Array, " n"]
    cosines: Float[Array, " t"]
    tangents: Float[Array, " t"]


def lazy_walk(
    graph: Graph, signal: Shaped[jax.typing.ArrayLike, "n c"], *, laziness: float = 0.5
) -> Float[Array, "n c"]:
    """Takes one step of the walk that stays where it is with probability `laziness`, (1 - s) M + s I.

    At 1/2 no eigenvalue is negative, at 0 it is `walk`, whose refusals hold here too.
    """
    return _lazily(graph, checked_signal("signal", graph, signal), _laziness(laziness))


def power_iteration(
    graph: Graph,
    signal: Vector,
    target: Shaped[jax.typing.ArrayLike, "n q"],
    *,
    num_steps: int,
    laziness: float = 0.5,
    keep_constants: bool = False,
) -> PowerTrace:
    """Iterates the lazy walk, the constants projected out in every step, and follows the angle to phi_2.

    Converges if the start is not orthogonal to the target and lambda_2 stands above the rest: `predicted_tangents` says
    how. With `laziness` 0 it tends to the eigenvalue of largest size instead, on a bipartite graph to the one of -1.
    Works inside a caller's `jit` and `vmap`.

    Args:
      graph: symmetric.
      signal: the start.
      target: phi_2 as a column, or a basis of its eigenspace where lambda_2 is a multiple eigenvalue: columns
        orthonormal by degrees, as `spectrum` gives them.
      num_steps: T, at least 0. Static.
      laziness: in [0, 1).
      keep_constants: project nothing out, as the paper prints it; the iterate then tends to a constant. Static.

    Raises:
      ValueError: signals that do not lie on the nodes or are not finite, a target that is not orthonormal by degrees,
        numbers out of range.
      TypeError: `graph` is no symmetric graph, signals that hold no real numbers.

    Paper: Lemma 1 and appendix B, as the power iteration they have in mind.
    """
    graph = symmetric("graph", graph)
    signal = node_values("signal", graph, signal)
    target = checked_signal("target", graph, target)
    _check_orthonormal(graph, target)
    num_steps = checks.integer("num_steps", num_steps, low=0)
    laziness = _laziness(laziness)
    return _power_iteration(graph, signal, target, laziness, num_steps=num_steps, keep_constants=keep_constants)


def predicted_tangents(
    graph: Graph,
    signal: Vector,
    eigenvalues: Vector,
    eigenvectors: Shaped[jax.typing.ArrayLike, "n m"],
    *,
    num_steps: int,
    num_targets: int = 1,
    laziness: float = 0.5,
) -> Float[Array, " t"]:
    """Predicts the tangents of `power_iteration` from a whole spectrum, exactly.

    tan(angle_t) = sqrt(sum_{k > 2} (c_k / c_2)^2 (lambda_k / lambda_2)^(2 t)) with the walk's own eigenvalues.

    Args:
      graph: symmetric and connected.
      signal: the start.
      eigenvalues: of M, all, descending.
      eigenvectors: columns orthonormal by degrees, the constant first.
      num_steps: T. Static.
      num_targets: columns after the first that make up the target: the multiplicity of lambda_2. Static.
      laziness: in [0, 1).

    Returns:
      After 0, 1, ..., T steps; infinite where nothing of the target is left.

    Raises:
      ValueError: shapes that do not fit the graph, numbers out of range.
      TypeError: `graph` is no symmetric graph, arrays that hold no real numbers.
    """
    graph = symmetric("graph", graph)
    signal = node_values("signal", graph, signal)
    eigenvalues = node_values("eigenvalues", graph, eigenvalues)
    eigenvectors = checked_signal("eigenvectors", graph, eigenvectors)
    n = graph.degrees.shape[0]
    if eigenvectors.shape != (n, n):
        raise ValueError(f"eigenvectors must have shape {(n, n)}, one column per node; got {eigenvectors.shape}.")
    num_steps = checks.integer("num_steps", num_steps, low=0)
    num_targets = checks.integer("num_targets", num_targets, low=1, high=max(1, n - 1))
    return _predicted_tangents(
        graph, signal, eigenvalues, eigenvectors, _laziness(laziness), num_steps=num_steps, num_targets=num_targets
    )


def predicted_rate(
    eigenvalues: Shaped[jax.typing.ArrayLike, " m"], *, num_targets: int = 1, laziness: float = 0.5
) -> Float[Array, ""]:
    """Returns the factor by which the tangent shrinks a step in the long run: lambda_3 / lambda_2 of the lazy walk.

    Args:
      eigenvalues: of M, descending, that of the constants first. Three are enough at a laziness of 1/2 or more; below,
        the negative end counts too and all are needed.
      num_targets: multiplicity of lambda_2. Static.
      laziness: in [0, 1).

    Returns:
      Above 1 where the iteration does not tend to phi_2; infinite where the walk has lambda_2 = 0.

    Raises:
      ValueError: too few eigenvalues, numbers out of range.
    """
    laziness = _laziness(laziness)
    eigenvalues = numbers("eigenvalues", eigenvalues)
    checks.rank("eigenvalues", eigenvalues, 1, "[m]")
    num_targets = checks.integer("num_targets", num_targets, low=1)
    if eigenvalues.shape[0] < num_targets + 2:
        raise ValueError(
            f"eigenvalues must have at least {num_targets + 2} entries for num_targets {num_targets}, the constant's "
            f"and one more included; got shape {eigenvalues.shape}."
        )
    return _predicted_rate(eigenvalues, laziness, num_targets=num_targets)


def measured_rate(tangents: Shaped[jax.typing.ArrayLike, " t"], *, floor: float | None = None) -> Float[Array, ""]:
    """Measures the factor by which the tangent shrinks a step, over the last quarter of the steps above the floor.

    In exact arithmetic it never exceeds `predicted_rate` and tends to it, since each step shrinks the tangent less than
    the one before.

    Args:
      tangents: from `power_iteration` or `predicted_tangents`.
      floor: what comes after the first tangent below this is left out as rounding; the square root of the precision if
        None. A target that is itself known to some residual only sets a higher floor.

    Returns:
      NaN where fewer than two tangents come before the floor or are finite.
    """
    checks.rank("tangents", tangents, 1, "[t]")
    tangents = array_checks.columns("tangents", tangents)
    tangents = jnp.asarray(tangents, jnp.result_type(tangents, np.float32))
    if floor is None:
        floor = float(np.sqrt(jnp.finfo(tangents.dtype).eps))
    floor = checks.positive_float("floor", floor)
    return _measured_rate(tangents, floor)


def spectral_gap(eigenvalues: Shaped[jax.typing.ArrayLike, " m"]) -> Float[Array, ""]:
    """Returns 1 - lambda_2, the smallest value of Eq. (7): 0 if and only if the graph is not connected."""
    eigenvalues = numbers("eigenvalues", eigenvalues)
    checks.rank("eigenvalues", eigenvalues, 1, "[m]")
    if eigenvalues.shape[0] < 2:
        raise ValueError(f"eigenvalues must have at least 2 entries; got shape {eigenvalues.shape}.")
    return 1 - eigenvalues[1]


def _laziness(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"laziness must be a number in [0, 1); got {value!r}.")
    if not 0 <= value < 1:
        raise ValueError(f"laziness must lie in [0, 1); got {value!r}.")
    return float(value)


def _lazily(graph: Graph, signal: Float[Array, "n c"], laziness) -> Float[Array, "n c"]:
    return laziness * signal + (1 - laziness) * walk(graph, signal)


def _check_orthonormal(graph: Graph, target: Float[Array, "n q"]) -> None:
    if not (array_checks.is_concrete(target) and array_checks.is_concrete(graph.degrees)):
        return
    columns, degrees = np.asarray(target, np.float64), np.asarray(graph.degrees, np.float64)
    products = columns.T @ (degrees[:, None] * columns)
    if np.abs(products - np.eye(len(products))).max() > _ORTHONORMAL:
        raise ValueError(
            "target must have columns orthonormal by degrees, as spectrum gives them; got the inner products "
            f"{products.round(3).tolist()}."
        )


@functools.partial(jax.jit, static_argnames=("num_steps", "keep_constants"))
def _power_iteration(graph: Graph, signal, target, laziness, *, num_steps: int, keep_constants: bool) -> PowerTrace:
    def unit(signal):
        kept = signal if keep_constants else varying(graph, signal)
        size = length(graph, kept)
        return kept / jnp.where(size > 0, size, 1.0)

    def angle(current):
        shares = jnp.sum(target * (graph.degrees * current)[:, None], axis=0)
        along = jnp.linalg.norm(shares)
        across = length(graph, current - jnp.sum(target * shares[None], axis=1))
        return jnp.minimum(along, 1.0), _ratio(across, along)

    def step(current, _):
        following = unit(_lazily(graph, current[:, None], laziness)[:, 0])
        return following, angle(following)

    start = unit(signal)
    last, angles = jax.lax.scan(step, start, length=num_steps)
    cosines, tangents = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), angle(start), angles)
    return PowerTrace(last, cosines, tangents)


def _ratio(above: Float[Array, "*t"], below: Float[Array, "*t"]) -> Float[Array, "*t"]:
    """Divides, with infinity where nothing stands below."""
    return jnp.where(below > 0, above / jnp.where(below > 0, below, 1.0), jnp.inf)


@functools.partial(jax.jit, static_argnames=("num_steps", "num_targets"))
def _predicted_tangents(
    graph: Graph, signal, eigenvalues, eigenvectors, laziness, *, num_steps: int, num_targets: int
) -> Float[Array, " t"]:
    coefficients = jnp.sum(eigenvectors * (graph.degrees * signal)[:, None], axis=0)[1:]
    sizes = jnp.abs(laziness + (1 - laziness) * eigenvalues[1:])
    largest = sizes.max(initial=0.0)
    shrunk = sizes / jnp.where(largest > 0, largest, 1.0)
    steps = jnp.arange(num_steps + 1, dtype=sizes.dtype)
    parts = jnp.abs(coefficients)[None] * shrunk[None] ** steps[:, None]
    return _ratio(jnp.linalg.norm(parts[:, num_targets:], axis=1), jnp.linalg.norm(parts[:, :num_targets], axis=1))


@functools.partial(jax.jit, static_argnames="num_targets")
def _predicted_rate(eigenvalues: Float[Array, " m"], laziness, *, num_targets: int) -> Float[Array, ""]:
    sizes = jnp.abs(laziness + (1 - laziness) * eigenvalues)
    return _ratio(sizes[num_targets + 1 :].max(), sizes[1])


@jax.jit
def _measured_rate(tangents: Float[Array, " t"], floor) -> Float[Array, ""]:
    used = jnp.cumprod((tangents >= floor) & (tangents < jnp.inf)).sum()
    last = jnp.maximum(used - 1, 1)
    span = jnp.maximum(last // 4, 1)
    rate = (tangents[last] / tangents[last - span]) ** (1 / span.astype(tangents.dtype))
    return jnp.where(used >= 2, rate, jnp.nan)
