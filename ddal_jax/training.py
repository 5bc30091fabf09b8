"""Training with fixed shapes, so that a growing labelled set never recompiles.

The labelled points are a buffer of fixed capacity and a traced count. An epoch shuffles the buffer and walks through as
many minibatches as the count needs; the rows that only fill the last one weigh nothing, in the loss and in batch
statistics alike. A whole training run is one compiled loop, and seeds are `vmap`.
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from ddal_jax import checks
from ddal_jax.networks.types import Network, Outputs, TrainState


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How a network is trained on the labels known so far.

    Attributes:
      num_epochs: passes over the labels after each query.
      minibatch_size: labels per step; the last step of an epoch may hold fewer.
      optimizer: "adam" or "sgd".
      learning_rate: constant.
      momentum: of "sgd" alone.
    """

    num_epochs: int
    minibatch_size: int
    optimizer: str
    learning_rate: float
    momentum: float = 0.0

    def __post_init__(self) -> None:
        checks.integer("num_epochs", self.num_epochs, low=0)
        checks.integer("minibatch_size", self.minibatch_size, low=1)
        checks.choice("optimizer", self.optimizer, OPTIMIZERS)
        checks.positive_float("learning_rate", self.learning_rate)
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1); got {self.momentum}.")


def _adam(settings: TrainSettings) -> optax.GradientTransformation:
    return optax.adam(settings.learning_rate)


def _sgd(settings: TrainSettings) -> optax.GradientTransformation:
    return optax.sgd(settings.learning_rate, momentum=settings.momentum or None)


OPTIMIZERS: dict[str, Callable[[TrainSettings], optax.GradientTransformation]] = {"adam": _adam, "sgd": _sgd}


@functools.partial(jax.jit, static_argnames=("network", "settings"))
def fit(
    key: jax.Array,
    train: TrainState,
    inputs: Float[Array, "n ..."],
    labels: Int[Array, " n"],
    chosen: Int[Array, " m"],
    num_labeled: Int[Array, ""],
    *,
    network: Network,
    settings: TrainSettings,
) -> TrainState:
    """Trains on the labelled points.

    Args:
      key: draws minibatches and dropout; used once.
      train: where to start. The optimiser's own state starts afresh; the paper does not say.
      inputs: the pool.
      labels: read only at labelled points.
      chosen: rows of the pool in the order they were labelled; entries from `num_labeled` on are not read.
      num_labeled: how many labels there are.
      network: Static.
      settings: Static.

    Returns:
      The trained network.

    Paper: appendix a (training goes on from the previous configuration after each query).
    """
    optimizer = OPTIMIZERS[settings.optimizer](settings)
    steps_per_epoch = -(-num_labeled // settings.minibatch_size)

    def run_epoch(epoch, carry):
        shuffle_key, step_key = jax.random.split(jax.random.fold_in(key, epoch))
        order = _shuffle(shuffle_key, chosen, num_labeled)

        def run_step(step, carry):
            train, optimizer_state = carry
            place = step * settings.minibatch_size + jnp.arange(settings.minibatch_size)
            rows = order[jnp.minimum(place, num_labeled - 1)]
            loss_of = functools.partial(
                _loss, train.state, inputs[rows], labels[rows], place < num_labeled,
                jax.random.fold_in(step_key, step), network,
            )  # fmt: skip
            gradient, state = jax.grad(loss_of, has_aux=True)(train.params)
            updates, optimizer_state = optimizer.update(gradient, optimizer_state, train.params)
            return TrainState(optax.apply_updates(train.params, updates), state), optimizer_state

        return jax.lax.fori_loop(0, steps_per_epoch, run_step, carry)

    return jax.lax.fori_loop(0, settings.num_epochs, run_epoch, (train, optimizer.init(train.params)))[0]


def predict(network: Network, train: TrainState, inputs: Float[Array, "n ..."]) -> Outputs:
    """Runs the network in evaluation mode: running statistics, no dropout, the same for every row."""
    return network.apply(train.params, train.state, inputs, jax.random.key(0), train=False, mask=None)


def _shuffle(key: jax.Array, chosen: Int[Array, " m"], num_labeled: Int[Array, ""]) -> Int[Array, " m"]:
    lots = jnp.where(jnp.arange(chosen.shape[0]) < num_labeled, jax.random.uniform(key, chosen.shape), jnp.inf)
    return chosen[jnp.argsort(lots)]


def _loss(state, inputs, labels, mask, key, network, params):
    """Mean cross-entropy over the rows that count; running statistics come along."""
    outputs = network.apply(params, state, inputs, key, train=True, mask=mask)
    losses = optax.softmax_cross_entropy_with_integer_labels(outputs.logits, labels)
    return jnp.sum(jnp.where(mask, losses, 0.0)) / jnp.sum(mask), outputs.state
