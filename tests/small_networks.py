"""Networks so small that compiling them is quick, and their passes, each compiled once for a whole file."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen

from ddal_jax.networks.architectures import MLP, ConvNet
from ddal_jax.networks.build import network
from ddal_jax.networks.linen import from_linen
from ddal_jax.networks.types import Network, TrainState

SHAPE, NUM_CLASSES = (9, 8, 2), 3
IMAGES = jnp.asarray(np.random.default_rng(0).normal(size=(8, *SHAPE)), jnp.float32)
SMALL_CONV = ConvNet(channels=3, kernel_size=3, widths=(7, 6), dropout=0.4)
SMALL_MLP = MLP(widths=(7, 6), batch_norm=True, dropout=0.4)


def network_of(architecture) -> Network:
    return network(architecture, input_shape=SHAPE, num_classes=NUM_CLASSES)


KEYS = jax.random.split(jax.random.key(5), 2)


class LinenMLP(linen.Module):
    always_drop: bool = False

    @linen.compact
    def __call__(self, x, *, train, mask):
        x = x.reshape(x.shape[0], -1)
        mask = None if mask is None else mask[:, None]
        x = linen.BatchNorm(use_running_average=not train, momentum=0.9)(x, mask=mask)
        x = linen.relu(linen.Dense(7)(x))
        x = linen.Dropout(0.4, deterministic=not (train or self.always_drop))(x)
        return linen.Dense(NUM_CLASSES)(x), x


@functools.cache
def sampling(name) -> Network:
    if name == "linen":
        return from_linen(LinenMLP(), IMAGES, sampler=LinenMLP(always_drop=True))
    return network_of(SMALL_CONV)


@functools.cache
def passes(name):
    """Returns the network's passes, each compiled once for the whole file: Monte Carlo, evaluation, training.

    The one in training comes with the gradient of all logits' squares.
    """
    network = sampling(name)

    def loss(params, *rest, mask):
        outputs = network.apply(params, *rest, train=True, mask=mask)
        return jnp.sum(outputs.logits**2), outputs

    evaluate = functools.partial(network.apply, train=False)
    return jax.jit(network.sample), jax.jit(evaluate), jax.jit(jax.grad(loss, has_aux=True))


@functools.cache
def worn(net: Network) -> TrainState:
    """Returns parameters, and running statistics that no fresh network has; drawn by NumPy, which compiles nothing."""
    params, state = jax.eval_shape(net.init, jax.random.key(0))
    random = np.random.default_rng(2)

    def draw(low, high, tree):
        return jax.tree.map(lambda x: jnp.asarray(random.uniform(low, high, x.shape), x.dtype), tree)

    return TrainState(draw(-0.5, 0.5, params), draw(0.5, 2, state))


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def moved(a, b):
    return jax.tree.map(lambda x, y: float(np.abs(np.asarray(x - y)).max()), a, b)
