"""Refusals of arrays at the public boundary.

Facts that an abstract array carries (rank, length, dtype) are always checked. Facts about values are checked whenever
the values are at hand; inside a caller's `jit` or `vmap` they are not, and nothing raises.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ddal_jax import checks

# Squares of float32 differences stay finite and normal between these sizes.
LARGEST_FEATURE = 1e17
SMALLEST_FEATURE = 1e-15


def is_concrete(array: Any) -> bool:
    """Tells whether the values of `array` can be read now, i.e. it is not being traced."""
    return not isinstance(array, Tracer)


def boolean_mask(name: str, mask: Any, size: int) -> jax.Array:
    """Returns a bool array `[size]`, or refuses what came."""
    checks.rank(name, mask, 1, "[n]")
    checks.length(name, mask, size, "node")
    if jnp.result_type(mask) != jnp.bool_:
        raise TypeError(f"{name} must be a boolean array; got dtype {jnp.result_type(mask)}.")
    return jnp.asarray(mask)


def features(name: str, array: Any) -> jax.Array:
    """Returns features as float32 `[n, d]`, or refuses them.

    float16, float32, float64 and integers are taken. NaN and infinity are refused with the first rows that hold
    them, and so are values whose squared differences would leave the range of float32.
    """
    if not is_concrete(array):
        checks.rank(name, array, 2, "[n, d]")
        return jnp.asarray(array, jnp.float32)
    values = np.asarray(array)
    checks.rank(name, values, 2, "[n, d]")
    if not any(jnp.issubdtype(values.dtype, kind) for kind in (jnp.floating, jnp.integer)):
        raise TypeError(f"{name} must hold real numbers; got dtype {values.dtype}.")
    if values.shape[0] == 0:
        raise ValueError(f"{name} is an empty pool: it must have at least one row; got shape {values.shape}.")
    if values.shape[1] == 0:
        raise ValueError(f"{name} must have at least one column; got shape {values.shape}.")
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if bad.size:
        first = ", ".join(str(row) for row in bad[:3])
        raise ValueError(f"{name} must be finite; got NaN or infinity in {bad.size} rows, the first being {first}.")
    largest = float(np.abs(values).max())
    if largest > LARGEST_FEATURE or 0 < largest < SMALLEST_FEATURE:
        raise ValueError(
            f"{name} must have a largest absolute value between {SMALLEST_FEATURE} and {LARGEST_FEATURE}, so that "
            f"squared distances stay within float32; got {largest}. Rescale them: the graph does not depend on scale."
        )
    return jnp.asarray(values, jnp.float32)


def finite(name: str, array: Any) -> None:
    """Refuses NaN and infinity, when the values are at hand."""
    if is_concrete(array) and not np.isfinite(np.asarray(array)).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity.")


def labels(name: str, array: Any, *, num_classes: int, low: int, where: Any = None) -> None:
    """Refuses labels outside `[low, num_classes - 1]`; only entries selected by `where` count."""
    if not jnp.issubdtype(jnp.result_type(array), jnp.integer):
        raise TypeError(f"{name} must hold integers; got dtype {jnp.result_type(array)}.")
    if not is_concrete(array) or (where is not None and not is_concrete(where)):
        return
    values = np.asarray(array)
    counted = np.ones(values.shape, bool) if where is None else np.asarray(where)
    bad = np.flatnonzero(counted & ((values < low) | (values >= num_classes)))
    if bad.size:
        first = int(bad[0])
        raise ValueError(
            f"{name} must lie in [{low}, {num_classes - 1}] for {num_classes} classes; "
            f"got {values[first]} at index {first}."
        )


def columns(name: str, array: Any) -> None:
    """Refuses an array without a last axis of classes."""
    if np.ndim(array) < 1 or np.shape(array)[-1] < 1:
        raise ValueError(f"{name} must have shape [n, c] with at least one class; got shape {np.shape(array)}.")
