"""Where names become objects: data sets, networks and strategies of a `RunConfig`, stacked over seeds."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, UInt32

from ddal_jax import checks
from ddal_jax.data import catalog
from ddal_jax.data.types import Split
from ddal_jax.experiments.catalog import entry
from ddal_jax.experiments.config import DataSettings, RunConfig
from ddal_jax.experiments.embedding import check_embedding, embed_splits
from ddal_jax.loop import LoopSettings, LoopState, Task, initial_state, label_counts
from ddal_jax.networks.architectures import with_dropout
from ddal_jax.networks.build import network
from ddal_jax.networks.types import Network, TrainState

# Sets the draw of the start apart from that of generated points. Pools drawn from a larger set may use the same
# numbers: neither draw looks at the points, so the start is as random as with others.
_START_LABELS = 1
_ANY_NUM_CLASSES = 2
INITIAL_WEIGHTS = 2**32 - 1  # folded into a seed's key; cycles fold in their number, and none gets this far


class Trial(NamedTuple):
    """A task ready to run; arrays are shared by its strategies and stacked over seeds.

    Attributes:
      config: what was asked for.
      seeds: one per repetition.
      states: initial states.
      tasks: data and initial weights.
      counts: labels known in each cycle.
      settings: how the loop runs, by strategy.
      num_classes: C.
    """

    config: RunConfig
    seeds: UInt32[Array, " s"]
    states: LoopState
    tasks: Task
    counts: list[int]
    settings: dict[str, LoopSettings]
    num_classes: int


def check(config: RunConfig) -> None:
    """Refuses what can be told to be wrong before any data are there.

    Raises:
      ValueError: an unknown data set or strategy, or sub-batches that do not fit.
      FileNotFoundError: pre-trained weights that are not here.
    """
    catalog.check_name(config.data.name)
    check_embedding(config.data.embedding)
    for name in config.strategies:
        _sub_batches(name, config)
        entry(name).make(config, _ANY_NUM_CLASSES)


def build(config: RunConfig) -> Trial:
    """Loads the data, draws the starts and initial weights, and sets up each strategy.

    Raises:
      ValueError: an unknown data set or strategy, a budget or a K that does not fit the pool.
      OSError: data or weights that are not here and cannot be fetched.
    """
    check(config)
    splits = embed_splits([_load(config.data, seed) for seed in config.seeds], config.data.embedding)
    num_classes = splits[0].num_classes
    starts = [_start_labels(split, seed, config) for seed, split in zip(config.seeds, splits, strict=True)]
    num_points = splits[0].inputs.shape[0]
    checks.integer("budget", config.budget, low=len(starts[0]), high=num_points, why="(the start labels and the pool)")
    checks.num_neighbors(config.graph.num_neighbors, num_points)

    shape = splits[0].inputs.shape[1:]
    settings = {name: _loop_settings(name, config, shape, num_classes) for name in config.strategies}
    seeds = jnp.asarray(config.seeds, jnp.uint32)
    initial = _initial_weights(seeds, network=network(config.network, input_shape=shape, num_classes=num_classes))
    tasks = _stack(splits, initial)
    states = jax.vmap(lambda task, start: initial_state(task, start, config.budget))(tasks, jnp.asarray(starts))
    counts = label_counts(len(starts[0]), config.budget, config.labels_per_cycle)
    return Trial(config, seeds, states, tasks, counts, settings, num_classes)


def _load(data: DataSettings, seed: int) -> Split:
    return catalog.load(data.name, seed, num_points=data.num_points, num_test=data.num_test, balanced=data.balanced)


def _stack(splits: Sequence[Split], initial: TrainState) -> Task:
    def stack(name: str) -> Array:
        return jnp.asarray(np.stack([getattr(split, name) for split in splits]))

    return Task(stack("inputs"), stack("labels"), stack("test_inputs"), stack("test_labels"), initial)


def _start_labels(split: Split, seed: int, config: RunConfig) -> Int[np.ndarray, " l"]:
    random = np.random.default_rng([seed, _START_LABELS])
    if config.num_start:
        num_start = checks.integer("num_start", config.num_start, low=1, high=len(split.labels), why="(the pool)")
        return random.permutation(len(split.labels))[:num_start].astype(np.int32)
    rows = [np.flatnonzero(split.labels == label) for label in range(split.num_classes)]
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


def _loop_settings(name: str, config: RunConfig, shape: tuple[int, ...], num_classes: int) -> LoopSettings:
    made = entry(name)
    architecture = with_dropout(config.network) if made.with_dropout else config.network
    query_size, num_sub_batches = _sub_batches(name, config)
    return LoopSettings(
        network=network(architecture, input_shape=shape, num_classes=num_classes),
        training=config.training,
        strategy=made.make(config, num_classes),
        query_size=query_size,
        num_sub_batches=num_sub_batches,
        warm_start=config.warm_start,
    )


def _sub_batches(name: str, config: RunConfig) -> tuple[int, int]:
    """Returns B and P of a strategy, whose product is the task's."""
    made = entry(name)
    if not made.on_graph:
        return config.labels_per_cycle, 1
    if made.query_size is None:
        return config.query_size, config.num_sub_batches
    if made.query_size < 1 or config.labels_per_cycle % made.query_size:
        raise ValueError(
            f"query_size must divide the {config.labels_per_cycle} labels of a cycle; got {made.query_size} in "
            f"{name!r}."
        )
    return made.query_size, config.labels_per_cycle // made.query_size
