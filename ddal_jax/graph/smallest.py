"""The k smallest entries of every row, in order, with ties going to the lower id.

Sorting a row of N distances to keep K of them would dominate the graph. Here a long row is first reduced to the
minima of groups of neighbouring columns: the k smallest entries lie in the k groups with the smallest minima, so
only those groups are read again. The reduction is vectorised over all cores; `lax.top_k` runs on one.
"""

import math

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

LONGEST_GROUP = 32
_SHORT_ROW = 192
_NO_ID = jnp.iinfo(jnp.int32).max

Ids = Int[Array, "b m"] | Int[Array, " m"]


def k_smallest(values: Float[Array, "b m"], ids: Ids, k: int) -> tuple[Float[Array, "b k"], Int[Array, "b k"]]:
    """Returns the `k` smallest values of each row, ascending, and their ids; equal values in ascending order of id.

    Args:
      values: no NaN. Infinity marks entries that must not be chosen.
      ids: distinct within a row and ascending along it wherever the row is longer than `_SHORT_ROW`.
      k: static, at most the number of finite entries of a row.
    """
    if values.shape[1] > _SHORT_ROW and _group_size(values.shape[1], k) > 2:
        values, ids = entries_of_best_groups(values, ids, k)
    return _extract_minima(values, ids, k)


def entries_of_best_groups(
    values: Float[Array, "b m"], ids: Ids, k: int
) -> tuple[Float[Array, "b q"], Int[Array, "b q"]]:
    """Keeps the entries of the `k` groups of columns with the smallest minima: the k smallest are among them.

    Equal minima go to the earlier group, so with ascending ids no tied entry of lower id is left out.
    """
    size = _group_size(values.shape[1], k)
    padding = -values.shape[1] % size
    groups = jnp.pad(values, ((0, 0), (0, padding)), constant_values=jnp.inf).reshape(len(values), -1, size)
    _, best = k_smallest(groups.min(axis=2), jnp.arange(groups.shape[1], dtype=jnp.int32), k)
    kept = jnp.take_along_axis(groups, best[:, :, None], axis=1)
    if ids.ndim == 1:
        kept_ids = jnp.pad(ids, (0, padding), constant_values=_NO_ID).reshape(-1, size)[best]
    else:
        grouped_ids = jnp.pad(ids, ((0, 0), (0, padding)), constant_values=_NO_ID).reshape(groups.shape)
        kept_ids = jnp.take_along_axis(grouped_ids, best[:, :, None], axis=1)
    return kept.reshape(len(values), -1), kept_ids.reshape(len(values), -1)


def _group_size(row_length: int, k: int) -> int:
    """Balances the number of groups against the `k` groups read again; a power of two."""
    return min(LONGEST_GROUP, 2 ** int(math.log2(max(1.0, math.sqrt(row_length / k)))))


def _extract_minima(values: Float[Array, "b m"], ids: Ids, k: int) -> tuple[Float[Array, "b k"], Int[Array, "b k"]]:
    # Rows stand along the last axis, where a minimum over the first one is vectorised over them.
    ids = jnp.broadcast_to(ids, values.shape).T
    values = values.T

    def next_smallest(last, _):
        last_value, last_id = (part[None] for part in last)
        left = (values > last_value) | ((values == last_value) & (ids > last_id))
        smallest = jnp.where(left, values, jnp.inf).min(axis=0)
        chosen = jnp.where(left & (values == smallest[None]), ids, _NO_ID).min(axis=0)
        return (smallest, chosen), (smallest, chosen)

    before_all = (jnp.full(values.shape[1], -jnp.inf, values.dtype), jnp.full(values.shape[1], -1, jnp.int32))
    _, (smallest, chosen) = lax.scan(next_smallest, before_all, length=k)
    return smallest.T, chosen.T
