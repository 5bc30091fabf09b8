"""Clamped label diffusion: Eq. (3), the cases formula below Eq. (5), and the inner loop of Algorithm 1.

One quantity is iterated, the label mass F: F_ic is the probability that a random walk from node i meets a label of
class c within T steps. Every form in the paper is read from it exactly:

- reach a = sum_c F_c, the probability of meeting any label;
- the one-vs-all signal chi = 2 F - a;
- the appendix's simplex q = F + (1 - a) / C.

Only F keeps the zeros of unreached nodes exact: a sum of exact zeros is an exact zero, while chi may cancel to zero at
a node that two classes reach alike, and q rounds.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.graph.table import weighted_sums
from ddal_jax.graph.types import AnyGraph, check_graph


def walk(graph: AnyGraph, signal: Shaped[jax.typing.ArrayLike, "n c"]) -> Float[Array, "n c"]:
    """Takes one random-walk step, `M @ signal`, without ever forming M.

    A node without edges gets 0.

    Args:
      graph: the weighted graph.
      signal: one column per class.

    Raises:
      ValueError: `signal` is not of rank 2, not finite, or has another number of rows than the graph has nodes.
      TypeError: `graph` is no graph, `signal` holds no real numbers.

    Paper: Eq. (2) and (3).
    """
    return _walk(graph, checked_signal("signal", graph, signal))


def label_mass(
    labels: Shaped[jax.typing.ArrayLike, " n"], labeled: Shaped[jax.typing.ArrayLike, " n"], *, num_classes: int
) -> Float[Array, "n c"]:
    """Puts the unit mass of every known label into its class: the start and the clamp of `diffuse`.

    Args:
      labels: integers; read only where `labeled`.
      labeled: True where the label is known.
      num_classes: C. Static.

    Returns:
      float32, one-hot on labelled rows, 0 elsewhere.

    Raises:
      ValueError: another number of labels than of mask entries, a known label outside [0, C - 1], C below 1.
      TypeError: labels that are not integers, a mask that is not boolean.
    """
    num_classes = checks.integer("num_classes", num_classes, low=1)
    given = array_checks.as_array("labels", labels)
    checks.rank("labels", given, 1, "[n]")
    labeled = array_checks.boolean_mask("labeled", labeled, given.shape[0])
    array_checks.labels("labels", given, num_classes=num_classes, low=0, where=labeled)
    return _label_mass(jnp.asarray(given), labeled, num_classes=num_classes)


def diffuse(
    graph: AnyGraph,
    mass: Shaped[jax.typing.ArrayLike, "n c"],
    labeled: Shaped[jax.typing.ArrayLike, " n"],
    *,
    num_steps: int,
) -> Float[Array, "n c"]:
    """Spreads label mass over the graph for T steps, holding labelled rows fixed.

    Every free row becomes the weighted mean of its neighbours' rows, so any convex property of the start (range, row
    sum at most one) holds at each step. A row is zero if and only if no label lies within T hops along the walk, as
    long as float32 can tell the least likely path from zero: with weights of `affinity` that is sure for paths of up to
    66, 35, 26, 22, 17 hops at K = 2, 5, 10, 20, 50.

    Args:
      graph: neighbourhoods of the pool.
      mass: from `label_mass`: the start, and the clamp.
      labeled: True where the label is known.
      num_steps: T, at least 0. Static: one compilation per value. Work is O(T N K C).

    Returns:
      The mass after T steps.

    Raises:
      ValueError: shapes that do not fit the graph, mass that is not finite, `num_steps` below 0.
      TypeError: `graph` is no graph, a mask that is not boolean, `num_steps` that is no integer.

    Paper: Eq. (3) and the inner loop of Algorithm 1 (whose clamp is misprinted: labelled rows return to their start).
    """
    mass = checked_signal("mass", graph, mass)
    labeled = array_checks.boolean_mask("labeled", labeled, graph.degrees.shape[0])
    num_steps = checks.integer("num_steps", num_steps, low=0)
    return _diffuse(graph, mass, labeled, num_steps=num_steps)


def reach(mass: Float[Array, "*n c"]) -> Float[Array, "*n"]:
    """Returns a = sum_c F_c, the probability that a walk meets a label: 0 exactly where no label reaches."""
    return jnp.sum(array_checks.columns("mass", mass), axis=-1)


def signed(mass: Float[Array, "*n c"]) -> Float[Array, "*n c"]:
    """Returns the one-vs-all signal chi = 2 F - a in [-1, 1].

    Paper: the cases formula of Section III.
    """
    mass = array_checks.columns("mass", mass)
    return 2 * mass - reach(mass)[..., None]


def simplex(mass: Float[Array, "*n c"]) -> Float[Array, "*n c"]:
    """Returns class probabilities q = F + (1 - a) / C: mass that met no label is spread evenly; rows sum to one.

    No entry is negative, though a sum of float32 masses may exceed one in its last bit.

    Paper: appendix A, the multivariate diffusion.
    """
    mass = array_checks.columns("mass", mass)
    return jnp.maximum(mass + (1 - reach(mass)[..., None]) / mass.shape[-1], 0.0)


def recommended_num_steps(num_points: int, num_neighbors: int) -> int:
    """Returns T: the smallest T with K^T > N, in integers; N - 1 when K = 1.

    This reading of the paper's T ~ log_K N gives its own choices (4 for the checkerboard, 5 for MNIST, 4 for CIFAR-10).
    It does not promise that labels cover the graph: on 2-D data K^T overstates what one label reaches.

    Args:
      num_points: N, at least 1.
      num_neighbors: K, at least 1.

    Raises:
      ValueError: either is below 1.
      TypeError: either is no integer.

    Paper: Section IV-C.
    """
    num_points = checks.integer("num_points", num_points, low=1)
    num_neighbors = checks.integer("num_neighbors", num_neighbors, low=1)
    if num_neighbors == 1:
        return num_points - 1
    num_steps, covered = 0, 1
    while covered <= num_points:
        num_steps, covered = num_steps + 1, covered * num_neighbors
    return num_steps


def checked_signal(name: str, graph: AnyGraph, signal: Shaped[jax.typing.ArrayLike, "..."]) -> Float[Array, "n c"]:
    """Returns a signal on the nodes of the graph in the graph's precision, or refuses what does not lie on them."""
    check_graph("graph", graph)
    signal = array_checks.real(name, signal, graph.weights.dtype)
    checks.rank(name, signal, 2, "[n, c]")
    checks.length(name, signal, graph.degrees.shape[0], "node")
    return array_checks.columns(name, signal)


@jax.jit
def _walk(graph: AnyGraph, signal: Float[Array, "n c"]) -> Float[Array, "n c"]:
    connected = (graph.degrees > 0)[:, None]
    degrees = jnp.where(connected, graph.degrees[:, None], 1.0)
    return jnp.where(connected, weighted_sums(graph, signal) / degrees, 0.0)


@functools.partial(jax.jit, static_argnames="num_classes")
def _label_mass(labels: Int[Array, " n"], labeled: Bool[Array, " n"], *, num_classes: int) -> Float[Array, "n c"]:
    return jax.nn.one_hot(labels, num_classes, dtype=jnp.float32) * labeled[:, None]


@functools.partial(jax.jit, static_argnames="num_steps")
def _diffuse(
    graph: AnyGraph, mass: Float[Array, "n c"], labeled: Bool[Array, " n"], *, num_steps: int
) -> Float[Array, "n c"]:
    def step(current, _):
        return jnp.where(labeled[:, None], mass, walk(graph, current)), None

    return jax.lax.scan(step, mass, length=num_steps)[0]
