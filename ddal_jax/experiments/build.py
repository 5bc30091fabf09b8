"""Where names become objects: data sets, networks and strategies of a `RunConfig`, stacked over seeds."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt32

from ddal_jax import checks
from ddal_jax.data.checkerboard import checkerboard
from ddal_jax.data.digits import digits
from ddal_jax.data.types import Split
from ddal_jax.experiments.config import RunConfig
from ddal_jax.loop import LoopSettings, LoopState, Task, initial_state, label_counts
from ddal_jax.networks.nnx import MLPSettings, mlp
from ddal_jax.networks.types import Network, TrainState
from ddal_jax.strategies import Diffusion, Margin, QueryStrategy, Random

DATA: dict[str, Callable[[int], Split]] = {"digits": digits, "checkerboard": checkerboard}

_START_LABELS = 1  # sets the draw of the start apart from that of the split
INITIAL_WEIGHTS = 2**32 - 1  # folded into a seed's key; cycles fold in their number, and none gets this far


class Trial(NamedTuple):
    """An experiment ready to run; arrays are shared by its strategies and stacked over seeds.

    Attributes:
      config: what was asked for.
      seeds: one per repetition.
      states: initial states.
      tasks: data and initial weights.
      counts: labels known in each cycle.
      settings: how the loop runs, by strategy.
    """

    config: RunConfig
    seeds: UInt32[Array, " s"]
    states: LoopState
    tasks: Task
    counts: list[int]
    settings: dict[str, LoopSettings]


def build(config: RunConfig) -> Trial:
    """Loads the data, draws the starts and initial weights, and sets up each strategy.

    Raises:
      ValueError: an unknown data set or strategy, a budget or a K that does not fit the pool.
    """
    load = DATA[checks.choice("data", config.data, DATA)]
    for name in config.strategies:
        checks.choice("strategies", name, STRATEGIES)
    splits = [load(seed) for seed in range(config.num_seeds)]
    num_classes = int(max(split.labels.max() for split in splits)) + 1
    num_start = config.start_per_class * num_classes
    num_points, num_features = splits[0].inputs.shape
    checks.integer("budget", config.budget, low=num_start, high=num_points, why="(the start labels and the pool)")
    checks.num_neighbors(config.graph.num_neighbors, num_points)
    starts = np.stack([_start_labels(split, seed, config) for seed, split in enumerate(splits)])

    network = mlp(
        MLPSettings(
            num_features=num_features, num_classes=num_classes, widths=config.widths, batch_norm=config.batch_norm
        )
    )
    seeds = jnp.arange(config.num_seeds, dtype=jnp.uint32)
    inputs, labels, test_inputs, test_labels = (jnp.asarray(np.stack(part)) for part in zip(*splits, strict=True))
    tasks = Task(inputs, labels, test_inputs, test_labels, _initial_weights(seeds, network=network))
    states = jax.vmap(lambda task, start: initial_state(task, start, config.budget))(tasks, jnp.asarray(starts))
    settings = {name: _loop_settings(name, config, network, num_classes) for name in config.strategies}
    counts = label_counts(num_start, config.budget, config.query_size * config.num_sub_batches)
    return Trial(config, seeds, states, tasks, counts, settings)


def _start_labels(split: Split, seed: int, config: RunConfig) -> Int[np.ndarray, " l"]:
    random = np.random.default_rng([seed, _START_LABELS])
    rows = [np.flatnonzero(split.labels == label) for label in np.unique(split.labels)]
    fewest = min(map(len, rows))
    if fewest < config.start_per_class:
        raise ValueError(f"start_per_class must be at most {fewest}, the rarest class; got {config.start_per_class}.")
    return np.concatenate([random.permutation(row)[: config.start_per_class] for row in rows]).astype(np.int32)


# Outside the compiled trainer and one seed after the other: vmapped, the samplers take three times as long to compile.
@functools.partial(jax.jit, static_argnames="network")
def _initial_weights(seeds: UInt32[Array, " s"], *, network: Network) -> TrainState:
    def of_seed(seed):
        return network.init(jax.random.fold_in(jax.random.key(seed), INITIAL_WEIGHTS))

    return jax.lax.map(of_seed, seeds)


def _loop_settings(name: str, config: RunConfig, network: Network, num_classes: int) -> LoopSettings:
    return LoopSettings(
        network=network,
        training=config.training,
        strategy=STRATEGIES[name](config, num_classes),
        query_size=config.query_size,
        num_sub_batches=config.num_sub_batches,
        warm_start=config.warm_start,
    )


def _random(config: RunConfig, num_classes: int) -> Random:
    return Random()


def _margin(config: RunConfig, num_classes: int) -> Margin:
    return Margin()


def _diffusion(config: RunConfig, num_classes: int) -> Diffusion:
    return Diffusion(num_classes=num_classes, graph=config.graph, settings=config.query)


STRATEGIES: dict[str, Callable[[RunConfig, int], QueryStrategy]] = {
    "random": _random,
    "margin": _margin,
    "diffusion": _diffusion,
}
