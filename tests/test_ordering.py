"""The radix sort is the stable argsort."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ddal_jax.graph.ordering import stable_order

pytestmark = pytest.mark.optimized


@pytest.mark.parametrize(
    ("length", "num_keys"), [(1, 1), (7, 2), (1000, 5), (1000, 1001), (4097, 3), (300_000, 50_001), (300_000, 2**20)]
)
def test_stable_order_is_the_stable_argsort(length, num_keys):
    keys = np.random.default_rng(0).integers(0, num_keys, length).astype(np.int32)
    keys[0] = num_keys - 1

    order = stable_order(jnp.asarray(keys), num_keys=num_keys)

    np.testing.assert_array_equal(order, np.argsort(keys, kind="stable"))


def test_lists_too_long_to_pack_are_sorted_all_the_same():
    keys = jax.ShapeDtypeStruct((2**25,), jnp.int32)

    order = jax.eval_shape(lambda keys: stable_order(keys, num_keys=2**20), keys)

    assert (order.shape, order.dtype) == (keys.shape, jnp.int32)


@pytest.mark.slow
def test_order_under_vmap_is_the_order_alone():
    keys = jnp.asarray(np.random.default_rng(1).integers(0, 9, (4, 50)), jnp.int32)

    together = jax.vmap(lambda row: stable_order(row, num_keys=9))(keys)

    np.testing.assert_array_equal(together, [stable_order(row, num_keys=9) for row in keys])
