"""The leading eigenpairs of the walk: L phi = (1 - lambda) D phi, which is M phi = lambda phi (Proposition 2).

Only a symmetric W gives a real spectrum and a basis of eigenvectors: M is then similar to A = D^-1/2 W D^-1/2, for
which the pairs are sought. The graph is read through walks alone.
"""

import functools
import warnings
from collections.abc import Callable
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
      residuals: D-norm of M phi - lambda phi. An eigenvalue of M lies within that of lambda; the angle of phi to its
        eigenspace is at most about that over the gap to the other eigenvalues, so close ones ask for a small tolerance.
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
      UserWarning: the graph has several components, so that phi_2 is no cut but tells them apart; or lambda_2 and
        lambda_3 lie so close that phi_2 is any vector of their common space, as on a square grid.

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
    found, num_components, following = _spectrum(graph, key, tolerance, max_steps, num_pairs=num_pairs)
    if array_checks.is_concrete(num_components) and num_pairs > 1:
        _warn(found, int(num_components), float(found.eigenvalues[2] if num_pairs > 2 else following))
    return found


def _warn(found: Spectrum, num_components: int, third: float) -> None:
    num_pairs = len(found.eigenvalues)
    if num_components > 1:
        warnings.warn(
            f"The graph has {num_components} components with edges, so {min(num_components, num_pairs)} of its "
            f"{num_pairs} leading eigenvalues are 1 and their eigenvectors are the indicators of components; "
            "`components` tells which node lies in which.",
            stacklevel=3,
        )
        return
    second, residual = float(found.eigenvalues[1]), float(found.residuals[1])
    if second - third <= 2 * residual:
        warnings.warn(
            f"The second eigenvalue, {second:.8g}, and the third, {third:.8g}, are not told apart at a residual of "
            f"{residual:.1g}: the second eigenvector may be any mixture of both. Ask for a smaller tolerance, in "
            "float64 if need be, or for both pairs.",
            stacklevel=3,
        )


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
def _spectrum(
    graph: Graph, key, tolerance, max_steps, *, num_pairs: int
) -> tuple[Spectrum, Int[Array, ""], Float[Array, ""]]:
    """Returns the pairs, the number of components with edges, and the eigenvalue that follows (-2 if none does)."""
    scale = _inverse_roots(graph.degrees)
    multiply = functools.partial(_multiply, graph, scale)
    indicators, num_components = _indicators(graph, num_pairs)
    # One pair more than asked: of two close eigenvalues a search may find the smaller first.
    others = leading_vectors(
        key,
        Operator(multiply, scale > 0, indicators),
        num_vectors=num_pairs,
        num_needed=num_pairs + 1 - num_components if num_pairs > 1 else 0,
        tolerance=tolerance,
        max_steps=max_steps,
    )
    others, values_of_others = _descending(multiply, others)
    place = jnp.arange(num_pairs)
    after = jnp.clip(place - num_components, 0, num_pairs - 1)
    vectors = jnp.where((place < num_components)[:, None], indicators, others[after])
    following = values_of_others[jnp.clip(num_pairs - num_components, 0, num_pairs - 1)]
    images = jax.vmap(multiply)(vectors)
    values = jnp.sum(vectors * images, axis=1) / jnp.sum(vectors * vectors, axis=1)
    residuals = jnp.linalg.norm(images - values[:, None] * vectors, axis=1)
    heaviest = jnp.take_along_axis(vectors, jnp.abs(vectors).argmax(axis=1)[:, None], axis=1)
    turned = jnp.where(heaviest < 0, -vectors, vectors)
    return Spectrum(values, turned.T * scale[:, None], residuals), num_components, following


def _descending(
    multiply: Callable[[Float[Array, " n"]], Float[Array, " n"]], vectors: Float[Array, "m n"]
) -> tuple[Float[Array, "m n"], Float[Array, " m"]]:
    """Turns orthonormal vectors within their span to the Ritz vectors, largest value first; rows of zeros come last."""
    projected = vectors @ jax.vmap(multiply)(vectors).T
    missing = jnp.where(vectors.any(axis=1), 0.0, -2.0)
    values, mixing = jnp.linalg.eigh((projected + projected.T) / 2 + jnp.diag(missing))
    return mixing[:, ::-1].T @ vectors, values[::-1]


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
