"""Signals weighted by degrees: the inner product under which the walk's eigenvectors are orthogonal, and its angles."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.diffusion import checked_signal
from ddal_jax.graph.components import symmetric
from ddal_jax.graph.types import Graph

Vector = Shaped[jax.typing.ArrayLike, " n"]


def cosine(graph: Graph, signal: Vector, other: Vector) -> Float[Array, ""]:
    """Returns the cosine by degrees, x' D y / (|x|_D |y|_D); 0 where either vanishes.

    On unbalanced clusters it stays below one in the very limit of Lemma 1, since labels of +1 and -1 keep a constant
    part that phi_2 lacks: `centered_cosine` takes that out.

    Args:
      graph: symmetric.
      signal: one number per node.
      other: likewise.

    Raises:
      ValueError: signals of another length than the graph, or not finite.
      TypeError: `graph` is no symmetric graph, signals that hold no real numbers.
    """
    return _cosine(symmetric("graph", graph), node_values("signal", graph, signal), node_values("other", graph, other))


def centered_cosine(graph: Graph, signal: Vector, other: Vector) -> Float[Array, ""]:
    """Returns the cosine by degrees of what both signals hold beside their constant parts; else as `cosine`."""
    graph = symmetric("graph", graph)
    return _centered_cosine(graph, node_values("signal", graph, signal), node_values("other", graph, other))


def sign_agreement(signal: Vector, other: Vector, counted: Vector) -> Float[Array, ""]:
    """Returns the share of nodes at which two signals agree in sign, one of them turned over if that agrees more.

    A zero agrees with nothing. 0 where no node is counted.

    Args:
      signal: one number per node.
      other: likewise.
      counted: True where a node counts.

    Raises:
      ValueError: arrays of different length, or not finite.
      TypeError: signals that hold no real numbers, a mask that is not boolean.
    """
    signal, other = numbers("signal", signal), numbers("other", other)
    checks.rank("signal", signal, 1, "[n]")
    checks.rank("other", other, 1, "[n]")
    checks.length("other", other, signal.shape[0], "node")
    counted = array_checks.boolean_mask("counted", counted, signal.shape[0])
    return _sign_agreement(signal, other, counted)


def inner(graph: Graph, signal: Float[Array, " n"], other: Float[Array, " n"]) -> Float[Array, ""]:
    """Returns the inner product by degrees, x' D y, under which the eigenvectors of M are orthogonal."""
    return jnp.sum(graph.degrees * signal * other)


def length(graph: Graph, signal: Float[Array, " n"]) -> Float[Array, ""]:
    """Returns the norm by degrees, ||x||_D."""
    return jnp.sqrt(inner(graph, signal, signal))


def center(graph: Graph, signal: Float[Array, " n"]) -> Float[Array, " n"]:
    """Takes out the part of a signal along the constants, its mean weighted by degrees."""
    total = jnp.sum(graph.degrees)
    total = jnp.where(total > 0, total, 1.0)

    def less_mean(signal):
        return signal - jnp.sum(graph.degrees * signal) / total

    # The first mean rounds in proportion to the signal, the second to what is left: a constant leaves next to nothing.
    return less_mean(less_mean(signal))


def varying(graph: Graph, signal: Float[Array, " n"]) -> Float[Array, " n"]:
    """Takes out the constant part; what rounding leaves of a constant is 0."""
    centered = center(graph, signal)
    is_rounding = length(graph, centered) <= 4 * jnp.finfo(signal.dtype).eps * length(graph, signal)
    return jnp.where(is_rounding, 0.0, centered)


def node_values(name: str, graph: Graph, values: Vector) -> Float[Array, " n"]:
    """Returns one number per node in the precision of the graph, or refuses what is not that."""
    values = array_checks.as_array(name, values)
    checks.rank(name, values, 1, "[n]")
    checks.length(name, values, graph.degrees.shape[0], "node")
    return checked_signal(name, graph, values[:, None])[:, 0]


def numbers(name: str, values: Shaped[jax.typing.ArrayLike, "..."]) -> Float[Array, "..."]:
    """Returns finite real numbers in their own precision, whole numbers in float32, or refuses what came."""
    given = array_checks.as_array(name, values)
    dtype = given.dtype if jnp.issubdtype(given.dtype, jnp.floating) else np.float32
    return array_checks.real(name, given, dtype)


@jax.jit
def _cosine(graph: Graph, signal: Float[Array, " n"], other: Float[Array, " n"]) -> Float[Array, ""]:
    lengths = length(graph, signal) * length(graph, other)
    return jnp.where(lengths > 0, inner(graph, signal, other) / jnp.where(lengths > 0, lengths, 1.0), 0.0)


@jax.jit
def _centered_cosine(graph: Graph, signal: Float[Array, " n"], other: Float[Array, " n"]) -> Float[Array, ""]:
    return _cosine(graph, varying(graph, signal), varying(graph, other))


@jax.jit
def _sign_agreement(
    signal: Float[Array, " n"], other: Float[Array, " n"], counted: Bool[Array, " n"]
) -> Float[Array, ""]:
    signs = jnp.sign(signal) * jnp.sign(other)
    agreeing = jnp.maximum((counted & (signs > 0)).sum(), (counted & (signs < 0)).sum())
    return agreeing / jnp.maximum(counted.sum(), 1)
