"""The k smallest entries of every row, in order, with ties going to the earlier column.

`lax.top_k` over a row of N distances would dominate the graph: it runs on one core. Here a long row is first reduced to
the minima of groups of neighbouring columns, vectorised over all cores. The k smallest entries lie in the k groups with
the smallest minima, so only those groups are read again.
"""

import math

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

_LONGEST_GROUP = 32
_SHORT_ROW = 192


def k_smallest(values: Float[Array, "b m"], k: int) -> tuple[Float[Array, "b k"], Int[Array, "b k"]]:
    """Returns the `k` smallest values of each row, ascending, and their columns; of equal values the earlier column.

    Args:
      values: no NaN. Infinity marks entries that must not be chosen.
      k: static, at most the length of a row.
    """
    if values.shape[1] <= _SHORT_ROW or group_size(values.shape[1], k) <= 2:
        negated, columns = lax.top_k(-values, k)
        return -negated, columns
    kept, kept_columns = entries_of_best_groups(values, k)
    smallest, places = k_smallest(kept, k)
    return smallest, jnp.take_along_axis(kept_columns, places, axis=1)


def entries_of_best_groups(values: Float[Array, "b m"], k: int) -> tuple[Float[Array, "b q"], Int[Array, "b q"]]:
    """Keeps the entries of the `k` groups with the smallest minima, in the order of their columns.

    Of equal minima the earlier group is kept, so no tied entry of an earlier column is left out.
    """
    size = group_size(values.shape[1], k)
    padding = -values.shape[1] % size
    padded = jnp.pad(values, ((0, 0), (0, padding)), constant_values=jnp.inf)
    groups = padded.reshape(len(values), -1, size)
    best = jnp.sort(k_smallest(groups.min(axis=2), k)[1], axis=1)
    kept = jnp.take_along_axis(groups, best[:, :, None], axis=1)
    columns = best[:, :, None] * size + jnp.arange(size, dtype=jnp.int32)[None, None, :]
    return kept.reshape(len(values), -1), columns.reshape(len(values), -1)


def group_size(row_length: int, k: int) -> int:
    """Balances the number of groups against the `k` groups read again; a power of two."""
    return min(_LONGEST_GROUP, 2 ** int(math.log2(max(1.0, math.sqrt(row_length / k)))))
