"""The leading eigenvectors of a symmetric operator that is known by its products alone.

Lanczos's iteration with thick restarts. It differs from textbook forms in this:

1. what is known exactly is not sought: given vectors are projected out at every step, since rounding brings them back;
2. the projected operator is measured, v_i . A v_j, not taken from the recurrence, so a restart needs no bookkeeping;
3. where the Krylov space ends early (stars, complete graphs) the basis goes on from the random first vector, its
   entries turned round by some places, and where the whole space ends zero vectors fill the basis and count as an
   eigenvalue below all others.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

# Ritz vectors kept over a restart, the one sought among them, and steps between restarts. Short bases win on CPU, since
# each step reads the whole basis; without spare vectors close eigenvalues take several times as many steps.
_KEPT, _FRESH = 5, 16
# A search starts from the runner-up of the one before, and this much noise.
_FRESHNESS = 0.1
# Eigenvalues lie above -1. What stands in for one where there is no vector must sort last.
_BELOW_ALL = -2.0


class Operator(NamedTuple):
    """A symmetric operator with eigenvalues in [-1, 1], restricted to where it is sought.

    Attributes:
      multiply: its product with a vector.
      support: True where its eigenvectors may differ from 0.
      locked: rows of orthonormal vectors that it maps into their own span, or of zeros; none is sought there.
    """

    multiply: Callable[[Float[Array, " n"]], Float[Array, " n"]]
    support: Bool[Array, " n"]
    locked: Float[Array, "m n"]


class _Kept(NamedTuple):
    """What passes over a restart.

    Attributes:
      vectors: Ritz vectors, best first.
      values: their Ritz values.
      following: the unit vector with which the basis goes on.
      estimates: their residuals, as the recurrence has them.
      num_cycles: so far.
    """

    vectors: Float[Array, "k n"]
    values: Float[Array, " k"]
    following: Float[Array, " n"]
    estimates: Float[Array, " k"]
    num_cycles: Int[Array, ""]


class _Basis(NamedTuple):
    """A basis in the making.

    Attributes:
      vectors: orthonormal rows: the locked ones, the kept ones, then the new ones; zero from the place that comes next.
      projected: v_i . A v_j of all but the locked.
      following: the unit vector that comes next.
      length: of the part of the last product that the basis does not hold.
    """

    vectors: Float[Array, "r n"]
    projected: Float[Array, "b b"]
    following: Float[Array, " n"]
    length: Float[Array, ""]


def leading_vectors(
    key: jax.Array,
    operator: Operator,
    *,
    num_vectors: int,
    num_needed: int | Int[Array, ""],
    tolerance: float | Float[Array, ""],
    max_steps: int | Int[Array, ""],
) -> Float[Array, "m n"]:
    """Returns unit eigenvectors of the largest eigenvalues, best first; zeros where the space has no more.

    One after the other, each locked once found: a single search never sees but one vector of a multiple eigenvalue.

    Args:
      key: of the first vector; used once.
      operator: what is known by its products.
      num_vectors: how many are returned. Static.
      num_needed: how many of them must be sought; the rest are left zero.
      tolerance: of the residual, at which a search stops.
      max_steps: a search stops after about this many products.
    """
    num_locked, n = operator.locked.shape
    noise = jax.random.normal(key, (n,), operator.locked.dtype)
    noise = jnp.where(operator.support, noise, 0.0)
    noise = noise / jnp.maximum(jnp.linalg.norm(noise), jnp.finfo(noise.dtype).tiny)

    def find(place, state):
        known, runner_up = state
        turned = jnp.where(operator.support, jnp.roll(noise, place), 0.0)
        start = _unit_beside(known, runner_up + _FRESHNESS * turned)
        wanted = jnp.where(place < num_needed, tolerance, jnp.inf)
        found = _search(noise, operator._replace(locked=known), start, tolerance=wanted, max_steps=max_steps)
        return known.at[num_locked + place].set(found.vectors[0]), found.vectors[1]

    known = jnp.zeros((num_locked + num_vectors, n), noise.dtype).at[:num_locked].set(operator.locked)
    return lax.fori_loop(0, num_vectors, find, (known, jnp.zeros_like(noise)))[0][num_locked:]


def _search(noise: Float[Array, " n"], operator: Operator, start: Float[Array, " n"], *, tolerance, max_steps) -> _Kept:
    def unfinished(kept):
        return (kept.estimates[0] > tolerance) & (kept.num_cycles * _FRESH < max_steps)

    kept = _Kept(
        jnp.zeros((_KEPT, start.shape[0]), start.dtype),
        jnp.full(_KEPT, _BELOW_ALL, start.dtype),
        start,
        jnp.full(_KEPT, jnp.inf, start.dtype),
        jnp.asarray(0, jnp.int32),
    )
    return lax.while_loop(unfinished, lambda kept: _restart(_fill(noise, operator, kept), kept), kept)


def _fill(noise: Float[Array, " n"], operator: Operator, kept: _Kept) -> _Basis:
    num_locked, (num_kept, n) = operator.locked.shape[0], kept.vectors.shape
    size = num_kept + _FRESH
    known = jnp.concatenate([operator.locked, kept.vectors])
    start = _Basis(
        jnp.zeros((num_locked + size, n), noise.dtype).at[: num_locked + num_kept].set(known),
        jnp.zeros((size, size), noise.dtype).at[:num_kept, :num_kept].set(jnp.diag(kept.values)),
        kept.following,
        jnp.zeros((), noise.dtype),
    )

    def extend(place, basis):
        turned = jnp.where(operator.support, jnp.roll(noise, kept.num_cycles * size + place), 0.0)
        return _extend(basis, operator, turned, place)

    return lax.fori_loop(num_kept, size, extend, start)


def _extend(basis: _Basis, operator: Operator, substitute: Float[Array, " n"], place: Int[Array, ""]) -> _Basis:
    num_locked = operator.locked.shape[0]
    vectors = basis.vectors.at[num_locked + place].set(basis.following)
    image = operator.multiply(basis.following)
    products = vectors @ image
    rest = image - vectors.T @ products
    length = jnp.linalg.norm(rest)
    no_vector = jnp.zeros_like(basis.projected[0]).at[place].set(_BELOW_ALL)
    row = jnp.where(basis.following.any(), products[num_locked:], no_vector)
    projected = basis.projected.at[place].set(row).at[:, place].set(row)
    goes_on = length > 10 * jnp.finfo(length.dtype).eps
    following = _unit_beside(vectors, jnp.where(goes_on, rest, substitute))
    return _Basis(vectors, projected, following, length)


def _restart(basis: _Basis, kept: _Kept) -> _Kept:
    num_kept, size = kept.vectors.shape[0], basis.projected.shape[0]
    values, mixing = jnp.linalg.eigh(basis.projected)
    best = size - 1 - jnp.arange(num_kept)
    return _Kept(
        mixing[:, best].T @ basis.vectors[-size:],
        values[best],
        basis.following,
        basis.length * jnp.abs(mixing[-1, best]),
        kept.num_cycles + 1,
    )


def _unit_beside(vectors: Float[Array, "r n"], vector: Float[Array, " n"]) -> Float[Array, " n"]:
    """Returns the unit vector along what of `vector` the others do not hold; zero where that is only rounding."""
    before = jnp.linalg.norm(vector)
    rest = vector - vectors.T @ (vectors @ vector)
    rest = rest - vectors.T @ (vectors @ rest)  # Once leaves a rounding error in proportion to what was taken away.
    after = jnp.linalg.norm(rest)
    return jnp.where(after > 1e-4 * before, rest / jnp.where(after > 0, after, 1.0), 0.0)
