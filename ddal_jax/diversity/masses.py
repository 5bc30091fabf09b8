"""The two walks of a batch rule: who meets a pick before a label, and where walks from unreached points pass."""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Shaped

from ddal_jax import array_checks, checks
from ddal_jax.diffusion import walk
from ddal_jax.graph.table import weighted_sums
from ddal_jax.graph.types import AnyGraph, DirectedGraph, check_graph


def pick_mass(
    graph: AnyGraph,
    picked: Shaped[jax.typing.ArrayLike, " n"],
    labeled: Shaped[jax.typing.ArrayLike, " n"],
    *,
    num_steps: int,
) -> Float[Array, " n"]:
    """Returns m, the chance that a walk from each node meets a pick within T steps, and no label before it.

    It lies in [0, 1], is 1 on the picks, 0 on labelled nodes, and 0 exactly where no pick lies within T hops along a
    walk that meets no label. Works inside a caller's `jit` and `vmap`; T K N multiply-adds.

    Args:
      graph: neighbourhoods of the pool.
      picked: True for the picks of this batch; a labelled node is no pick.
      labeled: True where the label is known.
      num_steps: T, at least 0. Static.

    Raises:
      ValueError: masks of another length than the graph, `num_steps` below 0.
      TypeError: `graph` is no graph, masks that are not boolean, `num_steps` that is no integer.

    Beyond the paper, which asks all B points of a query as if each were the only one.
    """
    check_graph("graph", graph)
    picked = array_checks.boolean_mask("picked", picked, graph.degrees.shape[0])
    labeled = array_checks.boolean_mask("labeled", labeled, graph.degrees.shape[0])
    num_steps = checks.integer("num_steps", num_steps, low=0)
    return _pick_mass(graph, picked, labeled, num_steps=num_steps)


def coverage(
    graph: AnyGraph,
    unreached: Shaped[jax.typing.ArrayLike, " n"],
    stopped: Shaped[jax.typing.ArrayLike, " n"],
    *,
    num_steps: int,
) -> Float[Array, " n"]:
    """Returns how often each node is visited in T steps by walks that start once in every unreached node.

    A walk ends where it meets a stopped node, and that visit counts; its start does not. So a node of large coverage,
    once labelled, is met by the most walks that meet no label yet. Works inside a caller's `jit` and `vmap`; T K N
    multiply-adds.

    Args:
      graph: neighbourhoods of the pool.
      unreached: True for nodes that nothing reaches.
      stopped: True for labelled nodes and the picks of this batch; a walk that starts there ends at once.
      num_steps: T, at least 0. Static.

    Raises:
      ValueError: masks of another length than the graph, `num_steps` below 0.
      TypeError: `graph` is no graph, masks that are not boolean, `num_steps` that is no integer.

    Beyond the paper, which leaves ties open.
    """
    check_graph("graph", graph)
    unreached = array_checks.boolean_mask("unreached", unreached, graph.degrees.shape[0])
    stopped = array_checks.boolean_mask("stopped", stopped, graph.degrees.shape[0])
    num_steps = checks.integer("num_steps", num_steps, low=0)
    return _coverage(graph, unreached, stopped, num_steps=num_steps)


def clamped_walk(
    graph: AnyGraph,
    signal: Float[Array, "n c"],
    clamp: Float[Array, "n c"],
    clamped: Bool[Array, " n"],
    num_steps: int | Int[Array, ""],
) -> Float[Array, "n c"]:
    """Walks `signal` for a number of steps that may be traced, putting the clamped rows back after each."""
    signal, clamp = (part.astype(graph.weights.dtype) for part in (signal, clamp))

    def step(_, current):
        return jnp.where(clamped[:, None], clamp, walk(graph, current))

    return lax.fori_loop(0, num_steps, step, signal)


def covering_walk(
    graph: AnyGraph,
    starts: Bool[Array, " n"],
    stopped: Bool[Array, " n"],
    num_steps: int | Int[Array, ""],
) -> Float[Array, " n"]:
    """Counts the visits of `coverage` in a number of steps that may be traced."""
    goes_on = ~stopped & (graph.degrees > 0)
    degrees = jnp.where(goes_on, graph.degrees, 1.0)

    def shares(walkers):
        return jnp.where(goes_on, walkers / degrees, 0.0)

    # What is carried is what is gathered: a share computed on the way would be computed once an edge.
    def step(_, state):
        leaving, visits = state
        arrived = _arriving(graph, leaving)
        return shares(arrived), visits + arrived

    walkers = starts.astype(graph.weights.dtype)
    return lax.fori_loop(0, num_steps, step, (shares(walkers), jnp.zeros_like(walkers)))[1]


@functools.partial(jax.jit, static_argnames="num_steps")
def _pick_mass(graph: AnyGraph, picked: Bool[Array, " n"], labeled: Bool[Array, " n"], *, num_steps: int):
    start = (picked & ~labeled).astype(jnp.float32)[:, None]
    return clamped_walk(graph, start, start, picked | labeled, num_steps)[:, 0]


@functools.partial(jax.jit, static_argnames="num_steps")
def _coverage(graph: AnyGraph, unreached: Bool[Array, " n"], stopped: Bool[Array, " n"], *, num_steps: int):
    return covering_walk(graph, unreached, stopped, num_steps)


def _arriving(graph: AnyGraph, leaving: Float[Array, " n"]) -> Float[Array, " n"]:
    """Returns `W.T @ leaving`: what arrives along the edges."""
    if isinstance(graph, DirectedGraph):
        sent = graph.weights * leaving[graph.owners][:, None]
        return jnp.zeros_like(leaving).at[graph.neighbors].add(sent)
    # With W = W^T what arrives is gathered along the same edges.
    return weighted_sums(graph, leaving[:, None])[:, 0]
