"""Orders of nodes by several keys and, last, by lot, built on the one sort that is fast on CPU."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, UInt32

from ddal_jax.graph.ordering import stable_order
from ddal_jax.selection import finite_ranks

_FIRST = np.uint32(0)
_LAST = np.uint32(2**32 - 1)
_SIGN = np.uint32(2**31)


class Lottery(NamedTuple):
    """A random order of the nodes, which settles what nothing else does.

    The lots may serve a whole batch: points that still tie keep exchangeable lots.

    Attributes:
      nodes: node of each lot.
      lots: lot of each node.
    """

    nodes: Int[Array, " n"]
    lots: Int[Array, " n"]


def draw_lottery(key: jax.Array, num_nodes: int) -> Lottery:
    """Draws a random order."""
    nodes = stable_order(jax.random.bits(key, (num_nodes,), jnp.uint32), num_keys=2**32)
    return Lottery(nodes, places(nodes))


def places(nodes: Int[Array, " n"]) -> Int[Array, " n"]:
    """Returns the place of each node in a list of all nodes."""
    return jnp.zeros_like(nodes).at[nodes].set(jnp.arange(nodes.shape[0], dtype=jnp.int32))


def sortable(values: Float[Array, " n"]) -> UInt32[Array, " n"]:
    """Returns keys in the order of finite float32 values, neither the first key nor the last."""
    bits = lax.bitcast_convert_type(jnp.where(values == 0, 0.0, values), jnp.uint32)
    return jnp.where(bits >= _SIGN, ~bits, bits | _SIGN)


def score_keys(
    scores: Float[Array, " n"], foremost: Bool[Array, " n"], eligible: Bool[Array, " n"]
) -> UInt32[Array, " n"]:
    """Returns keys that put the foremost first, all alike, then the others by score, then those not eligible.

    NaN and infinity rank as in `selection.lowest`.
    """
    keys = jnp.where(foremost, _FIRST, sortable(finite_ranks(scores)))
    return jnp.where(eligible, keys, _LAST)


def in_order(keys: Sequence[UInt32[Array, " n"]], lottery: Lottery) -> Int[Array, " n"]:
    """Returns all nodes in the order of the first key, then of the next, then of their lots."""
    nodes = lottery.nodes
    for key in reversed(keys):
        nodes = nodes[stable_order(key[nodes], num_keys=2**32)]
    return nodes


def first_in_order(keys: Sequence[UInt32[Array, " n"]], lottery: Lottery) -> Int[Array, ""]:
    """Returns the first of `in_order` without sorting; -1 where no node is eligible."""
    tied = jnp.ones(lottery.lots.shape, bool)
    for key in keys:
        tied &= key == jnp.where(tied, key, _LAST).min()
    drawn = lottery.nodes[jnp.where(tied, lottery.lots, lottery.lots.shape[0] - 1).min()]
    return jnp.where(keys[0][drawn] == _LAST, -1, drawn)
