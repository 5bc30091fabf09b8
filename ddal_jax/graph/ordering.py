"""Stable ordering of node ids by a radix sort built on the one sort that is fast on CPU.

XLA sorts pairs (key and position) five to eight times slower than single numbers. So a digit of the key and the
position are packed into one 32-bit number, which is sorted as a whole; as many passes as the key has digits.
"""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int, Integer

# With fewer bits left for a digit, the passes cost more than one sort of pairs.
_SHORTEST_DIGIT = 8


def stable_order(keys: Integer[Array, " e"], *, num_keys: int) -> Int[Array, " e"]:
    """Returns the positions that sort `keys`, equal keys in their order; `jnp.argsort(keys, stable=True)`.

    Args:
      keys: int32 or uint32, in [0, num_keys - 1].
      num_keys: Static.
    """
    position_bits = max(1, (keys.shape[0] - 1).bit_length())
    digit_bits = 32 - position_bits
    if digit_bits < _SHORTEST_DIGIT:
        return jnp.argsort(keys, stable=True).astype(jnp.int32)
    positions = jnp.arange(keys.shape[0], dtype=jnp.uint32)
    order = positions.astype(jnp.int32)
    for shift in range(0, max(1, (num_keys - 1).bit_length()), digit_bits):
        digits = (keys[order].astype(jnp.uint32) >> shift) & (2**digit_bits - 1)
        packed = lax.sort((digits << position_bits) | positions, is_stable=False)
        order = order[(packed & (2**position_bits - 1)).astype(jnp.int32)]
    return order
