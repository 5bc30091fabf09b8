"""What the labels of a search tell of all other nodes: the class that diffusion gives them."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ddal_jax import checks
from ddal_jax.diffusion import diffuse, label_mass
from ddal_jax.limit import harmonic
from ddal_jax.theory.tasks import SearchTask, seed_axis

# Symmetric positions differ by rounding alone. The error of the limit is its residual times the steps a walk takes to
# meet a label, some N^2 on a path: for the thousand nodes searched here, the tolerance keeps it below that rounding.
DECIMALS = 9
_TOLERANCE = 1e-16


def diffused(task: SearchTask, labeled: Bool[Array, " n"], num_steps: int | Int[Array, ""]) -> Float[Array, "n 2"]:
    """Diffuses the labels of the marked nodes for T steps, which need not be static."""
    # Step by step: diffusing for one step T times is diffusing for T steps.
    return lax.fori_loop(
        0, num_steps, lambda _, mass: diffuse(task.graph, mass, labeled, num_steps=1), _mass(task, labeled)
    )


def limit(task: SearchTask, labeled: Bool[Array, " n"]) -> Float[Array, "n 2"]:
    """Diffuses the labels of the marked nodes for ever: the harmonic limit."""
    return harmonic(task.graph, _mass(task, labeled), labeled, tolerance=_TOLERANCE).mass


def queries_until_right(
    order: Int[np.ndarray, "s n"], task: SearchTask, *, num_steps: int | None = None
) -> Int[np.ndarray, " s"]:
    """Counts the queries after which the diffused labels first tell every node's class; -1 if they never do.

    A node whose own class does not lead counts as wrong, ties and unreached nodes included.

    Args:
      order: of a `Search`.
      task: the one searched.
      num_steps: T of the read-out; None for the harmonic limit.
    """
    return np.asarray(_queries_until_right(order, task, _checked(num_steps)))


def share_wrong(
    order: Int[np.ndarray, "s n"], task: SearchTask, *, num_steps: int | None = None
) -> Float[np.ndarray, " s"]:
    """Returns the share of nodes whose class all labels of a search, diffused, do not tell.

    Arguments, and what counts as wrong, as in `queries_until_right`.
    """
    return np.asarray(_share_wrong(order, task, _checked(num_steps)))


def _checked(num_steps: int | None) -> int | None:
    return None if num_steps is None else checks.integer("num_steps", num_steps, low=0, high=checks.INT32_MAX)


def _mass(task: SearchTask, labeled: Bool[Array, " n"]) -> Float[Array, "n 2"]:
    return label_mass(task.labels, labeled, num_classes=2).astype(task.graph.weights.dtype)


def _is_right(task: SearchTask, labeled: Bool[Array, " n"], num_steps) -> Bool[Array, " n"]:
    mass = limit(task, labeled) if num_steps is None else diffused(task, labeled, num_steps)
    lead = jnp.where(task.labels == 1, mass[:, 1] - mass[:, 0], mass[:, 0] - mass[:, 1])
    return jnp.round(lead, DECIMALS) > 0


def _first_asked(order: Int[Array, " n"], count: Int[Array, ""] | int) -> Bool[Array, " n"]:
    n = order.shape[0]
    counted = (order >= 0) & (jnp.arange(n) < count)
    return jnp.zeros(n, bool).at[jnp.where(counted, order, n)].set(True, mode="drop")


@jax.jit
def _queries_until_right(order, task: SearchTask, num_steps) -> Int[Array, " s"]:
    def of_seed(order, task):
        num_asked = jnp.sum(order >= 0, dtype=jnp.int32)

        def unfinished(state):
            count, right = state
            return ~right & (count < num_asked)

        def advance(state):
            count = state[0] + 1
            return count, _is_right(task, _first_asked(order, count), num_steps).all()

        count, right = lax.while_loop(unfinished, advance, (jnp.zeros((), jnp.int32), jnp.asarray(False)))
        return jnp.where(right, count, -1)

    return jax.vmap(of_seed, in_axes=(0, seed_axis(task)))(order, task)


@jax.jit
def _share_wrong(order, task: SearchTask, num_steps) -> Float[Array, " s"]:
    def of_seed(order, task):
        labeled = _first_asked(order, order.shape[0])
        return jnp.mean(~_is_right(task, labeled, num_steps), dtype=task.graph.weights.dtype)

    return jax.vmap(of_seed, in_axes=(0, seed_axis(task)))(order, task)
