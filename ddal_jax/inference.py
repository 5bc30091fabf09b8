"""A trained network looks at points: once for logits and features, or many times with dropout on.

Networks with convolutions look at a block of points at a time, since their activations dwarf the points. `COMPILED`
runs inside a caller's `jit`; `STEP_BY_STEP` is driven from Python, one compiled call per block or training step.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ddal_jax.networks.types import Network, TrainState
from ddal_jax.training import fit, fit_step_by_step

# Points whose activations are in memory at once.
BLOCK_SIZE = 500


class Prediction(NamedTuple):
    """What a network says of points.

    Attributes:
      logits: one score per class.
      features: activations of the penultimate layer.
    """

    logits: Float[Array, "n c"]
    features: Float[Array, "n d"]


def predict(network: Network, train: TrainState, inputs: Float[Array, "n ..."]) -> Prediction:
    """Runs the network in evaluation mode: running statistics, no dropout, the same for every row."""
    if not network.convolutional:
        return _look(network, train, inputs)
    return _map_blocks(lambda block, index: _look(network, train, block), inputs)


def sample(
    key: jax.Array, network: Network, train: TrainState, inputs: Float[Array, "n ..."], *, num_passes: int
) -> Float[Array, "r n c"]:
    """Returns the class probabilities of repeated passes with dropout on.

    Args:
      key: draws what is dropped; used once.
      network: with dropout.
      train: its parameters.
      inputs: points.
      num_passes: how many times each point is looked at. Static.

    Reference: Gal, Islam and Ghahramani, 2017.
    """

    def one_pass(key):
        def look(block, index):
            return _look_with_dropout(network, train, jax.random.fold_in(key, index), block)

        return _map_blocks(look, inputs) if network.convolutional else look(inputs, 0)

    return jax.lax.map(one_pass, jax.random.split(key, num_passes))


def _predict_block_by_block(network: Network, train: TrainState, inputs: Float[Array, "n ..."]) -> Prediction:
    blocks = [_compiled_look(network, train, block) for block in _padded_blocks(inputs)]
    return jax.tree.map(lambda *parts: jnp.concatenate(parts)[: inputs.shape[0]], *blocks)


def _sample_block_by_block(key, network: Network, train: TrainState, inputs, *, num_passes: int):
    def one_pass(key):
        blocks = [
            _compiled_look_with_dropout(network, train, jax.random.fold_in(key, index), block)
            for index, block in enumerate(_padded_blocks(inputs))
        ]
        return jnp.concatenate(blocks)[: inputs.shape[0]]

    return jnp.stack([one_pass(key) for key in jax.random.split(key, num_passes)])


class Learner(NamedTuple):
    """How a network is trained and looked through; the two ways give the same answers.

    Attributes:
      fit: trains, as `training.fit`.
      predict: as `predict`.
      sample: as `sample`.
    """

    fit: Callable[..., TrainState]
    predict: Callable[..., Prediction]
    sample: Callable[..., Array]


COMPILED = Learner(fit, predict, sample)
STEP_BY_STEP = Learner(fit_step_by_step, _predict_block_by_block, _sample_block_by_block)


def _look(network: Network, train: TrainState, inputs: Float[Array, "n ..."]) -> Prediction:
    outputs = network.apply(train.params, train.state, inputs, jax.random.key(0), train=False, mask=None)
    return Prediction(outputs.logits, outputs.features)


def _look_with_dropout(network: Network, train: TrainState, key, inputs: Float[Array, "n ..."]) -> Float[Array, "n c"]:
    assert network.sample is not None
    return jax.nn.softmax(network.sample(train.params, train.state, inputs, key).logits)


_compiled_look = jax.jit(_look, static_argnums=0)
_compiled_look_with_dropout = jax.jit(_look_with_dropout, static_argnums=0)


def _map_blocks(look: Callable[[Array, Array], Any], inputs: Float[Array, "n ..."]) -> Any:
    num_points = inputs.shape[0]
    block_size = min(BLOCK_SIZE, num_points)
    blocks = _pad(inputs, block_size).reshape(-1, block_size, *inputs.shape[1:])
    looked = jax.lax.map(lambda place: look(*place), (blocks, jnp.arange(blocks.shape[0])))
    return jax.tree.map(lambda part: part.reshape(-1, *part.shape[2:])[:num_points], looked)


def _padded_blocks(inputs: Float[Array, "n ..."]) -> Iterator[Array]:
    block_size = min(BLOCK_SIZE, inputs.shape[0])
    padded = _pad(inputs, block_size)
    for start in range(0, padded.shape[0], block_size):
        yield padded[start : start + block_size]


def _pad(inputs: Float[Array, "n ..."], block_size: int) -> Array:
    missing = -inputs.shape[0] % block_size
    return jnp.pad(inputs, [(0, missing), *[(0, 0)] * (inputs.ndim - 1)])
