"""Refusals of arrays at the public boundary.

Facts that an abstract array carries (rank, length, dtype) are always checked. Facts about values are checked whenever
the values are at hand; inside a caller's `jit` or `vmap` they are not, and nothing raises.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike

from ddal_jax import checks

_FLOAT32_MAX = float(np.finfo(np.float32).max)
# Below this, squared differences would sink into float32's subnormal numbers.
SMALLEST_FEATURE = 1e-15


def is_concrete(array: Any) -> bool:
    """Tells whether the values of `array` can be read now, i.e. it is not being traced."""
    return not isinstance(array, Tracer)


def as_array(name: str, array: Any) -> jax.Array | np.ndarray:
    """Returns a JAX array as it is and anything else as a NumPy array, or refuses what is no array."""
    if isinstance(array, jax.Array):
        return array
    try:
        return np.asarray(array)
    except ValueError as error:
        raise ValueError(f"{name} must be an array; got a {type(array).__name__} that is none: {error}") from error


def real(name: str, array: Any, dtype: DTypeLike = np.float32) -> jax.Array:
    """Returns real numbers, booleans included, as `dtype`, or refuses another kind and values not finite there."""
    numbers = _real_dtype(name, as_array(name, array))
    if not is_concrete(numbers):
        return jnp.asarray(numbers, dtype)
    with np.errstate(over="ignore"):
        values = np.asarray(numbers).astype(dtype)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity.")
    return jnp.asarray(values)


def _real_dtype(name: str, array: jax.Array | np.ndarray) -> jax.Array | np.ndarray:
    if not any(jnp.issubdtype(array.dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_)):
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}.")
    return array


def boolean_mask(name: str, mask: Any, size: int) -> jax.Array:
    """Returns a bool array `[size]`, or refuses what came."""
    mask = as_array(name, mask)
    checks.rank(name, mask, 1, "[n]")
    checks.length(name, mask, size, "node")
    if mask.dtype != np.bool_:
        raise TypeError(f"{name} must be a boolean array; got dtype {mask.dtype}.")
    return jnp.asarray(mask)


def features(name: str, array: Any) -> jax.Array:
    """Returns features as float32 `[n, d]`, or refuses them.

    float16, float32, float64 and integers are taken. NaN and infinity are refused with the first rows that hold them,
    and so are features whose largest value is so large, or so small, that its square leaves the range of float32.
    """
    array = as_array(name, array)
    checks.rank(name, array, 2, "[n, d]")
    if not any(jnp.issubdtype(array.dtype, kind) for kind in (jnp.floating, jnp.integer)):
        raise TypeError(f"{name} must hold real numbers; got dtype {array.dtype}.")
    if array.shape[0] == 0:
        raise ValueError(f"{name} is an empty pool: it must have at least one row; got shape {array.shape}.")
    if array.shape[1] == 0:
        raise ValueError(f"{name} must have at least one column; got shape {array.shape}.")
    if is_concrete(array):
        _check_feature_values(name, np.asarray(array))
    return jnp.asarray(array, jnp.float32)


def _check_feature_values(name: str, values: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if bad.size:
        first = ", ".join(str(row) for row in bad[:3])
        raise ValueError(f"{name} must be finite; got NaN or infinity in {bad.size} rows, the first being {first}.")
    largest = max(float(values.max()), -float(values.min()))
    # Centred values reach twice the largest; |x|^2 + |y|^2 + 2 |x.y| of two such rows must stay below the maximum.
    limit = math.sqrt(_FLOAT32_MAX / (16 * values.shape[1]))
    if largest > limit or 0 < largest < SMALLEST_FEATURE:
        raise ValueError(
            f"{name} must have a largest absolute value between {SMALLEST_FEATURE} and {limit:.1e}, so that squared "
            f"distances stay within float32; got {largest}. Rescale them: the graph does not depend on scale."
        )


def labels(name: str, array: Any, *, num_classes: int | None, low: int, where: Any = None) -> None:
    """Refuses labels outside `[low, num_classes - 1]`; only entries selected by `where` count."""
    given = as_array(name, array)
    if not jnp.issubdtype(given.dtype, jnp.integer):
        raise TypeError(f"{name} must hold integers; got dtype {given.dtype}.")
    if not is_concrete(given) or (where is not None and not is_concrete(where)):
        return
    values = np.asarray(given)
    counted = np.ones(values.shape, bool) if where is None else np.asarray(where)
    high = np.iinfo(values.dtype).max if num_classes is None else num_classes - 1
    bad = np.flatnonzero(counted & ((values < low) | (values > high)))
    if bad.size:
        allowed = f"be at least {low}" if num_classes is None else f"lie in [{low}, {high}] for {num_classes} classes"
        raise ValueError(f"{name} must {allowed}; got {values[bad[0]]} at index {bad[0]}.")


def indices(name: str, array: Any, *, high: int) -> None:
    """Refuses indices that are no integers in `[0, high]`."""
    given = as_array(name, array)
    if not jnp.issubdtype(given.dtype, jnp.integer):
        raise TypeError(f"{name} must hold integers; got dtype {given.dtype}.")
    if is_concrete(given):
        values = np.asarray(given)
        outside = values[(values < 0) | (values > high)]
        if outside.size:
            raise ValueError(f"{name} must lie in [0, {high}]; got {outside[0]}.")


def columns(name: str, array: Any) -> jax.Array:
    """Returns real numbers with a last axis of classes, or refuses what came."""
    given = as_array(name, array)
    if given.ndim < 1 or given.shape[-1] < 1:
        raise ValueError(f"{name} must have shape [n, c] with at least one class; got shape {given.shape}.")
    return jnp.asarray(_real_dtype(name, given))


def key(name: str, value: Any) -> jax.Array:
    """Returns a single random key, new style or old, or refuses what came."""
    is_key = isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key)
    is_old_key = isinstance(value, jax.Array) and value.dtype == jnp.uint32 and value.shape == (2,)
    if not is_old_key and not (is_key and value.ndim == 0):
        came = f"shape {value.shape} of {value.dtype}" if isinstance(value, jax.Array) else repr(value)
        raise TypeError(f"{name} must be a single key, as jax.random.key(seed) makes it; got {came}.")
    return value
