"""The leading eigenpairs of the walk: L phi = (1 - lambda) D phi, which is M phi = lambda phi (Proposition 2).

Only a symmetric W gives a real spectrum and a basis of eigenvectors: M is then similar to A = D^-1/2 W D^-1/2, for
which the pairs are sought. The graph is read through walks alone.
"""

import functools
import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, Shaped, UInt32

from ddal_jax import array_checks, checks
from ddal_jax.graph.components import components, symmetric
from ddal_jax.graph.table import weighted_sums
from ddal_jax.graph.types import AnyGraph, Graph
from ddal_jax.lanczos import Operator, leading_vectors

AnyKey = Key[Array, ""] | UInt32[Array, "2"]


class Spectrum(NamedTuple):
    """The largest eigenvalues of the walk and their eigenvectors.

    Attributes:
      eigenvalues: lambda, of M, descending, in [-1, 1].
      eigenvectors: phi, one column per eigenvalue, Phi^T D Phi = I; the entry that weighs most in that norm is
        positive. 0 at nodes without edges.
      residuals: D-norm of M phi - lambda phi; an eigenvalue of M lies within that of lambda.
    """

    eigenvalues: Float[Array, " m"]
    eigenvectors: Float[Array, "n m"]
    residuals: Float[Array, " m"]


def spectrum(
    graph: AnyGraph, *, num_pairs: int = 2, tolerance: float = 1e-5, key: AnyKey, max_steps: int = 20_000
) -> Spectrum:
    """Finds the largest eigenvalues of the random walk and their eigenvectors.

    The first pairs are exact: a connected graph has the constant and eigenvalue 1, one of several components has the
    indicator of each, largest volume first, all with eigenvalue 1. What follows is phi_2 and so on. Works inside a
    caller's `jit` and `vmap`, where no warning can be given.

    Args:
      graph: symmetric.
      num_pairs: how many, the constant counted; at most the number of nodes with edges. Static.
      tolerance: stop when every residual is estimated to be at most this; float32 allows about 1e-6.
      key: of the first vector; used once.
      max_steps: give a pair up after about this many steps; the residuals tell. Each costs a walk.

    Raises:
      ValueError: `num_pairs` or a limit out of range.
      TypeError: a `DirectedGraph`, whose spectrum may be complex and whose eigenvectors may not span; no key.

    Warns:
      UserWarning: the graph has several components, so that phi_2 is no cut but tells them apart.

    Paper: Proposition 2 and the eigenproblem of Lemma 1.
    """
    graph = symmetric("graph", graph)
    key = array_checks.key("key", key)
    num_connected = graph.degrees.shape[0]
    if array_checks.is_concrete(graph.degrees):
        num_connected = int((np.asarray(graph.degrees) > 0).sum())
    num_pairs = checks.integer("num_pairs", num_pairs, low=1, high=num_connected, why="(the nodes with edges)")
    tolerance = checks.positive_float("tolerance", tolerance)
    max_steps = checks.integer("max_steps", max_steps, low=1, high=checks.INT32_MAX)
    found, num_components = _spectrum(graph, key, tolerance, max_steps, num_pairs=num_pairs)
    if array_checks.is_concrete(num_components) and num_components > 1 and num_pairs > 1:
        warnings.warn(
            f"The graph has {num_components} components with edges, so {min(int(num_components), num_pairs)} of its "
            f"{num_pairs} leading eigenvalues are 1 and their eigenvectors are the indicators of components; "
            "`components` tells which node lies in which.",
            stacklevel=2,
        )
    return found


def clamped_rate(
    graph: AnyGraph,
    labeled: Shaped[jax.typing.ArrayLike, " n"],
    *,
    tolerance: float = 1e-5,
    key: AnyKey,
    max_steps: int = 20_000,
) -> Float[Array, ""]:
    """Measures how slowly clamped diffusion converges: the spectral radius of M_uu.

    The D-norm of what is missing from the limit shrinks by this factor a step, or faster. 1 where some component holds
    no label, 0 where nothing is unlabelled. Works inside a caller's `jit` and `vmap`.

    Args:
      graph: symmetric.
      labeled: True where the label is known.
      tolerance: the error allowed; float32 allows about 1e-6.
      key: of the first vector; used once.
      max_steps: stop after about this many steps.

    Raises:
      ValueError: a mask of another length than the graph, a limit out of range.
      TypeError: a `DirectedGraph`, a mask that is not boolean, no key.
    """
    graph = symmetric("graph", graph)
    labeled = array_checks.boolean_mask("labeled", labeled, graph.degrees.shape[0])
    key = array_checks.key("key", key)
    tolerance = checks.positive_float("tolerance", tolerance)
    max_steps = checks.integer("max_steps", max_steps, low=1, high=checks.INT32_MAX)
    return _clamped_rate(graph, labeled, key, tolerance, max_steps)


@functools.partial(jax.jit, static_argnames="num_pairs")
def _spectrum(graph: Graph, key, tolerance, max_steps, *, num_pairs: int) -> tuple[Spectrum, Int[Array, ""]]:
    scale = _inverse_roots(graph.degrees)
    indicators, num_components = _indicators(graph, num_pairs)
    vectors = indicators
    if num_pairs > 1:
        others = leading_vectors(
            key,
            Operator(functools.partial(_multiply, graph, scale), scale > 0, indicators),
            num_vectors=num_pairs - 1,
            num_needed=num_pairs - num_components,
            tolerance=tolerance,
            max_steps=max_steps,
        )
        place = jnp.arange(num_pairs)
        after = others[jnp.clip(place - num_components, 0, num_pairs - 2)]
        vectors = jnp.where((place < num_components)[:, None], indicators, after)
    images = jax.vmap(functools.partial(_multiply, graph, scale))(vectors)
    values = jnp.sum(vectors * images, axis=1) / jnp.sum(vectors * vectors, axis=1)
    residuals = jnp.linalg.norm(images - values[:, None] * vectors, axis=1)
    heaviest = jnp.take_along_axis(vectors, jnp.abs(vectors).argmax(axis=1)[:, None], axis=1)
    turned = jnp.where(heaviest < 0, -vectors, vectors)
    return Spectrum(values, turned.T * scale[:, None], residuals), num_components


@jax.jit
def _clamped_rate(graph: Graph, labeled: Bool[Array, " n"], key, tolerance, max_steps) -> Float[Array, ""]:
    scale = jnp.where(labeled, 0.0, _inverse_roots(graph.degrees))
    multiply = functools.partial(_multiply, graph, scale)
    operator = Operator(multiply, scale > 0, jnp.zeros((1, scale.shape[0]), scale.dtype))
    vector = leading_vectors(key, operator, num_vectors=1, num_needed=1, tolerance=tolerance, max_steps=max_steps)[0]
    return jnp.clip(jnp.sum(vector * multiply(vector)), 0.0, 1.0)


def _inverse_roots(degrees: Float[Array, " n"]) -> Float[Array, " n"]:
    return jnp.where(degrees > 0, 1 / jnp.sqrt(jnp.where(degrees > 0, degrees, 1.0)), 0.0)


def _multiply(graph: Graph, scale: Float[Array, " n"], vector: Float[Array, " n"]) -> Float[Array, " n"]:
    """Multiplies by A; rows and columns of nodes whose scale is 0 are left out of it."""
    return scale * weighted_sums(graph, (scale * vector)[:, None])[:, 0]


def _indicators(graph: Graph, num_pairs: int) -> tuple[Float[Array, "m n"], Int[Array, ""]]:
    """Returns unit vectors of eigenvalue 1, one per component, largest volume first, and how many there are."""
    component = components(graph)
    volumes = jax.ops.segment_sum(graph.degrees, component, num_segments=graph.degrees.shape[0])
    largest, lowest_index = lax.top_k(volumes, num_pairs)
    within = (component[None] == lowest_index[:, None]) & (largest > 0)[:, None]
    rows = jnp.where(within, jnp.sqrt(graph.degrees)[None], 0.0)
    lengths = jnp.linalg.norm(rows, axis=1, keepdims=True)
    return rows / jnp.where(lengths > 0, lengths, 1.0), (volumes > 0).sum()
