"""Rounds of training: the paper's MLPs for the checkerboard and for digits, alone and many seeds at once."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.agreement import Agreement
from benchmarks.floors import Floor, product_rate
from benchmarks.machine import Rates
from benchmarks.sizes import Sizes
from ddal_jax.data import catalog
from ddal_jax.data.types import Split
from ddal_jax.drivers import run_stepwise
from ddal_jax.experiments.config import RunConfig
from ddal_jax.experiments.tasks import BINARY_BOARD, DIGITS
from ddal_jax.loop import LoopSettings, LoopState, Task, initial_state
from ddal_jax.networks.build import network as network_of
from ddal_jax.networks.types import Network
from ddal_jax.strategies import Random
from ddal_jax.training import TrainSettings, fit

_SHAPES = {"checkerboard": ((2,), 2), "digits": ((64,), 10)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is learned, by which network and how.

    Attributes:
      config: the experiment whose data, network and training are taken; its number of epochs is not.
    """

    config: RunConfig

    @property
    def settings(self) -> TrainSettings:
        """How it is trained, whatever the number of epochs."""
        return self.config.training

    def inputs(self, sizes: Sizes, seed: int) -> tuple:
        """Draws the arguments of `fit`: key, network, pool, its labels, which are known, how many."""
        split, task, chosen = self._task(sizes, seed)
        return (
            jax.random.key(seed), task.initial, task.inputs, jnp.asarray(split.labels), chosen,
            jnp.asarray(sizes.labels, jnp.int32),
        )  # fmt: skip

    def kernel(self, sizes: Sizes) -> Callable:
        """Returns a round of training."""
        network, settings = self._network(), self._settings(sizes)
        return lambda key, train, inputs, labels, chosen, num_labeled: fit(
            key, train, inputs, labels, chosen, num_labeled, network=network, settings=settings
        )

    def round_inputs(self, sizes: Sizes, seed: int) -> tuple[jax.Array, LoopState, Task]:
        """Draws a seed and what the loop starts from."""
        _, task, chosen = self._task(sizes, seed)
        # Room for one batch more, so that the round ends with a query as in a run.
        state = initial_state(task, chosen, sizes.labels + self.config.query_size)
        return jnp.asarray(seed, jnp.uint32), state, task

    def round_kernel(self, sizes: Sizes) -> Callable:
        """Returns a round of the loop: train, grade, look at the pool, ask, over seeds and devices as in a run."""
        settings = LoopSettings(
            network=self._network(),
            training=self._settings(sizes),
            strategy=Random(),
            query_size=self.config.query_size,
        )

        def run(seeds, states, tasks):
            step = next(run_stepwise(seeds, states, tasks, [sizes.labels], settings=settings))
            return step.states.train

        return run

    def num_steps(self, sizes: Sizes) -> int:
        """Counts the steps of all seeds."""
        return sizes.seeds * sizes.epochs * -(-sizes.labels // self.settings.minibatch_size)

    def floor(self, sizes: Sizes, arrays: tuple, answer: Any, rates: Rates) -> Floor:
        """Bounds training by its products: forward, and backward to inputs and to weights."""
        shape, num_classes = _SHAPES[self.config.data.name]
        widths = (*shape, *self.config.network.widths, num_classes)  # pyright: ignore[reportAttributeAccessIssue]
        weights = sum(before * after for before, after in zip(widths, widths[1:], strict=False))
        work = 6 * weights * sizes.labels * sizes.epochs * sizes.seeds
        rate = product_rate(rates)
        return Floor(work / (rate * 1e9), "E L 6 operations a weight", rate, "GF/s")

    def agreement(self, theirs: Callable, ours, key, train, inputs, labels, chosen, num_labeled) -> Agreement:
        """Compares losses on the labelled points: minibatches are drawn, so weights differ, but both must learn."""
        rows = chosen[: int(num_labeled)]
        known, network = inputs[rows].reshape(len(rows), -1), self._network()

        def logits(state):
            outputs = network.apply(state.params, state.state, jnp.asarray(known), jax.random.key(0), train=False)
            return np.asarray(outputs.logits)

        before, *after = (_loss(guess, labels[rows]) for guess in (logits(train), logits(ours), theirs(known)))
        share = max(after) / before
        return Agreement("loss on the labelled points, the larger, over that before", share, 1.0, bool(share < 1.0))

    def _task(self, sizes: Sizes, seed: int) -> tuple[Split, Task, jax.Array]:
        split = catalog.load(self.config.data.name, seed)
        chosen = np.random.default_rng([seed, 8]).permutation(len(split.labels))[: sizes.labels]
        parts = (split.inputs, split.labels, split.test_inputs, split.test_labels)
        task = Task(*map(jnp.asarray, parts), initial=jax.jit(self._network().init)(jax.random.key(seed)))
        return split, task, jnp.asarray(chosen, jnp.int32)

    def _network(self) -> Network:
        shape, num_classes = _SHAPES[self.config.data.name]
        return network_of(self.config.network, input_shape=shape, num_classes=num_classes)

    def _settings(self, sizes: Sizes) -> TrainSettings:
        return dataclasses.replace(self.settings, num_epochs=sizes.epochs)


def first_seed(arrays: tuple) -> tuple:
    """Returns the arrays of the first seed, still stacked."""
    return jax.tree.map(lambda leaf: leaf[:1], arrays)


def _loss(logits: np.ndarray, labels: np.ndarray) -> float:
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    own = np.take_along_axis(shifted, labels[:, None].astype(np.int64), axis=1)[:, 0]
    return float((np.log(np.exp(shifted).sum(axis=1)) - own).mean())


BOARD, DIGIT_IMAGES = Lesson(config=BINARY_BOARD), Lesson(config=DIGITS)
