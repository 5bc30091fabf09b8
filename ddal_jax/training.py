"""Training with fixed shapes, so that a growing labelled set never recompiles.

The labelled points are a buffer of fixed capacity and a traced count. An epoch shuffles the buffer and walks through as
many minibatches as the count needs; the rows that only fill the last one weigh nothing, in the loss and in batch
statistics alike. `fit` is one compiled loop, for `vmap` over seeds; `fit_step_by_step` takes the same steps from
Python, because on CPU a convolution inside a compiled loop is several times slower.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from ddal_jax import checks
from ddal_jax.networks.types import Network, TrainState


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How a network is trained on the labels known so far.

    Attributes:
      num_epochs: passes over the labels after each query.
      minibatch_size: labels per step; the last step of an epoch may hold fewer.
      optimizer: "adam" or "sgd".
      learning_rate: at the start of each training.
      momentum: of "sgd" alone.
      weight_decay: of "sgd" alone, added to the gradient before momentum as PyTorch does.
      halve_every: epochs after which the learning rate is halved; None keeps it constant.
    """

    num_epochs: int
    minibatch_size: int
    optimizer: str
    learning_rate: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    halve_every: int | None = None

    def __post_init__(self) -> None:
        checks.integer("num_epochs", self.num_epochs, low=0)
        checks.integer("minibatch_size", self.minibatch_size, low=1)
        checks.choice("optimizer", self.optimizer, OPTIMIZERS)
        checks.positive_float("learning_rate", self.learning_rate)
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1); got {self.momentum}.")
        if not 0 <= self.weight_decay < float("inf"):
            raise ValueError(f"weight_decay must be a finite number, 0 or more; got {self.weight_decay}.")
        if self.optimizer != "sgd" and (self.momentum or self.weight_decay):
            raise ValueError(
                f"momentum and weight_decay belong to optimizer 'sgd'; got optimizer {self.optimizer!r}, "
                f"momentum {self.momentum}, weight_decay {self.weight_decay}."
            )
        if self.halve_every is not None:
            checks.integer("halve_every", self.halve_every, low=1)


def _adam(settings: TrainSettings) -> optax.GradientTransformation:
    return optax.adam(settings.learning_rate)


def _sgd(settings: TrainSettings) -> optax.GradientTransformation:
    sgd = optax.sgd(settings.learning_rate, momentum=settings.momentum or None)
    return optax.chain(optax.add_decayed_weights(settings.weight_decay), sgd) if settings.weight_decay else sgd


OPTIMIZERS: dict[str, Callable[[TrainSettings], optax.GradientTransformation]] = {"adam": _adam, "sgd": _sgd}


class Learning(NamedTuple):
    """What a step of training hands to the next.

    Attributes:
      train: the network.
      optimizer_state: moments.
    """

    train: TrainState
    optimizer_state: optax.OptState


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
    """Trains on the labelled points in one compiled loop.

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
    steps_per_epoch = -(-num_labeled // settings.minibatch_size)

    def run_epoch(epoch, learning):
        shuffle_key, step_key = jax.random.split(jax.random.fold_in(key, epoch))
        order = _shuffle(shuffle_key, chosen, num_labeled)

        def run_step(step, learning):
            return _step(
                learning, inputs, labels, order, num_labeled, epoch, step, step_key, network=network, settings=settings
            )

        return jax.lax.fori_loop(0, steps_per_epoch, run_step, learning)

    return jax.lax.fori_loop(0, settings.num_epochs, run_epoch, _begin(train, settings)).train


def fit_step_by_step(
    key: jax.Array,
    train: TrainState,
    inputs: Float[Array, "n ..."],
    labels: Int[Array, " n"],
    chosen: Int[Array, " m"],
    num_labeled: int,
    *,
    network: Network,
    settings: TrainSettings,
) -> TrainState:
    """Trains as `fit` does, one compiled call per step; `num_labeled` is a Python number."""
    learning = _begin(train, settings)
    count = jnp.asarray(num_labeled, jnp.int32)
    for epoch in range(settings.num_epochs):
        shuffle_key, step_key = jax.random.split(jax.random.fold_in(key, epoch))
        order = _compiled_shuffle(shuffle_key, chosen, count)
        for step in range(-(-num_labeled // settings.minibatch_size)):
            learning = _compiled_step(
                learning, inputs, labels, order, count, jnp.asarray(epoch, jnp.int32), jnp.asarray(step, jnp.int32),
                step_key, network=network, settings=settings,
            )  # fmt: skip
    return learning.train


def _begin(train: TrainState, settings: TrainSettings) -> Learning:
    return Learning(train, OPTIMIZERS[settings.optimizer](settings).init(train.params))


def _step(
    learning: Learning, inputs, labels, order, num_labeled, epoch, step, key, *, network: Network, settings
) -> Learning:
    """Takes one step on the minibatch `step` of an epoch that walks through `order`."""
    train, optimizer_state = learning
    place = step * settings.minibatch_size + jnp.arange(settings.minibatch_size)
    rows = order[jnp.minimum(place, num_labeled - 1)]
    loss_of = functools.partial(
        _loss, train.state, inputs[rows], labels[rows], place < num_labeled, jax.random.fold_in(key, step), network
    )
    gradient, state = jax.grad(loss_of, has_aux=True)(train.params)
    updates, optimizer_state = OPTIMIZERS[settings.optimizer](settings).update(gradient, optimizer_state, train.params)
    if settings.halve_every is not None:
        share = 0.5 ** (epoch // settings.halve_every).astype(jnp.float32)
        updates = jax.tree.map(lambda update: share * update, updates)
    return Learning(TrainState(optax.apply_updates(train.params, updates), state), optimizer_state)


def _shuffle(key: jax.Array, chosen: Int[Array, " m"], num_labeled: Int[Array, ""]) -> Int[Array, " m"]:
    lots = jnp.where(jnp.arange(chosen.shape[0]) < num_labeled, jax.random.uniform(key, chosen.shape), jnp.inf)
    return chosen[jnp.argsort(lots)]


def _loss(state, inputs, labels, mask, key, network, params):
    """Mean cross-entropy over the rows that count; running statistics come along."""
    outputs = network.apply(params, state, inputs, key, train=True, mask=mask)
    losses = optax.softmax_cross_entropy_with_integer_labels(outputs.logits, labels)
    return jnp.sum(jnp.where(mask, losses, 0.0)) / jnp.sum(mask), outputs.state


_compiled_shuffle = jax.jit(_shuffle)
_compiled_step = jax.jit(_step, static_argnames=("network", "settings"))
