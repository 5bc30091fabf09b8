"""Choosing what to ask: the B lowest scores among the points that may be asked, ties drawn by lottery.

The paper's arg min^B leaves ties open. Before exploration ends they are the rule, not the exception: half the pool
scores exactly 0, and taking ties by index would sample a sorted pool from a single class.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, Key, Shaped, UInt32

from ddal_jax import array_checks, checks

# Behind every other score, in this order; infinity itself is for points that must not be picked.
_RANK_OF_NAN = np.finfo(np.float32).max
_RANK_OF_INFINITY = np.nextafter(_RANK_OF_NAN, np.float32(0))
_RANK_OF_LARGEST = np.nextafter(_RANK_OF_INFINITY, np.float32(0))


class Query(NamedTuple):
    """The points to label next, in the order picked.

    Attributes:
      indices: int32; -1 in places that could not be filled.
      scores: the criterion when picked, with what a batch rule adds to it; lower = label first. NaN in places that
        could not be filled.
      reached: False where no known label reaches the point; False in places that could not be filled.
    """

    indices: Int[Array, " b"]
    scores: Float[Array, " b"]
    reached: Bool[Array, " b"]


def lowest(
    key: Key[Array, ""] | UInt32[Array, "2"],
    scores: Shaped[jax.typing.ArrayLike, " n"],
    labeled: Shaped[jax.typing.ArrayLike, " n"],
    *,
    query_size: int,
) -> Int[Array, " b"]:
    """Picks the points with the lowest scores, never a labelled one, ties drawn at random.

    Works inside a caller's `jit` and `vmap`.

    Args:
      key: decides the ties, and nothing else; used once.
      scores: lower = label first. NaN counts as larger than everything else.
      labeled: True where a point must not be picked.
      query_size: B, at least 1. Static.

    Returns:
      Indices, lowest score first, int32, all different; -1 in the last places when fewer than B points are left.

    Raises:
      ValueError: `query_size` below 1, shapes that do not fit, no scores at all.
      TypeError: `query_size` that is no integer, a key that is none, scores that are no
        floating-point numbers, a mask that is not boolean.

    Paper: arg min^B of Eq. (6) and Algorithm 1.
    """
    key = array_checks.key("key", key)
    query_size = checks.integer("query_size", query_size, low=1)
    given = array_checks.as_array("scores", scores)
    checks.rank("scores", given, 1, "[n]")
    if not jnp.issubdtype(given.dtype, jnp.floating):
        raise TypeError(f"scores must hold floating-point numbers; got dtype {given.dtype}.")
    if given.shape[0] == 0:
        raise ValueError("scores must have at least one entry; got shape (0,).")
    labeled = array_checks.boolean_mask("labeled", labeled, given.shape[0])
    return _lowest(key, jnp.asarray(given, jnp.float32), labeled, query_size=query_size)


def finite_ranks(scores: Float[Array, " n"]) -> Float[Array, " n"]:
    """Returns finite numbers in the order of the scores, NaN behind infinity and that behind every number."""
    finite = jnp.minimum(scores, _RANK_OF_LARGEST)
    return jnp.where(jnp.isnan(scores), _RANK_OF_NAN, jnp.where(scores == jnp.inf, _RANK_OF_INFINITY, finite))


@functools.partial(jax.jit, static_argnames="query_size")
def _lowest(key, scores: Float[Array, " n"], labeled: Bool[Array, " n"], *, query_size: int) -> Int[Array, " b"]:
    n = scores.shape[0]
    count = min(query_size, n)
    ranked = jnp.where(labeled, jnp.inf, finite_ranks(scores))
    lottery = jax.random.bits(key, (n,), jnp.uint32)

    # `jnp.max` over the kept values, not a slice of them: on CPU any slice of a top_k is compiled to a full sort.
    threshold = -jnp.min(lax.top_k(-ranked, count)[0])
    # Whatever lies below the threshold is in; what lies on it draws lots of 24 bits, which float32 holds exactly.
    lot = jnp.where(ranked < threshold, -1.0, (lottery >> 8).astype(jnp.float32))
    _, picked = lax.top_k(-jnp.where(ranked > threshold, jnp.inf, lot), count)
    in_order = lax.sort((ranked[picked], lottery[picked], picked.astype(jnp.int32)), num_keys=3)[2]
    in_order = jnp.where(labeled[in_order], -1, in_order)
    return jnp.pad(in_order, (0, query_size - count), constant_values=-1)
