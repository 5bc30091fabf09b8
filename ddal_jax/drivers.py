"""Ways to drive the loop over cycles and seeds; all take the same steps and give the same records.

`run_stepwise` goes cycle by cycle, so that progress shows, state can be kept and strategies share the compilation of
training; `run_scanned` is a single compiled call. Seeds are `vmap`, spread over the devices there are, but for
convolutions on CPU: inside a compiled loop they are several times slower there, so `run_stepwise` takes the seeds one
after the other and drives every training step from Python.
"""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec, SingleDeviceSharding
from jaxtyping import Array, Int, UInt32

from ddal_jax.inference import STEP_BY_STEP
from ddal_jax.loop import (
    CycleRecord,
    Grade,
    LoopSettings,
    LoopState,
    Task,
    ask,
    ask_nothing,
    cycle,
    look,
    query_stage,
    train_stage,
)
from ddal_jax.networks.types import Network, TrainState
from ddal_jax.selection import Query


class Step(NamedTuple):
    """A cycle that has ended, stacked over seeds.

    Attributes:
      record: what it reports.
      states: what the next cycle starts from.
      training_seconds: wall time of training and grading, all seeds together, compilation included.
      acquisition_seconds: wall time of looking at the pool and asking, the same.
    """

    record: CycleRecord
    states: LoopState
    training_seconds: float
    acquisition_seconds: float


def run_stepwise(
    seeds: UInt32[Array, " s"],
    states: LoopState,
    tasks: Task,
    counts: Sequence[int],
    *,
    settings: LoopSettings,
    first_cycle: int = 0,
) -> Iterator[Step]:
    """Yields each cycle as it ends; two compiled calls a cycle, whatever the number of seeds.

    Args:
      seeds: one per repetition; cycle `t` of a seed draws from `fold_in(key(seed), t)`.
      states: stacked over seeds: the initial ones, or those that the cycle before `first_cycle` left.
      tasks: stacked over seeds.
      counts: labels known in each cycle, from `label_counts`.
      settings: Static.
      first_cycle: where to begin; going on from there equals never having stopped.

    Yields:
      Cycles, stacked over seeds.
    """
    train_all, query_all, placement = _stages(settings.network, len(seeds))
    seeds, states, tasks = jax.device_put((seeds, states, tasks), placement)
    for index in range(first_cycle, len(counts)):
        began = time.perf_counter()
        train, grade = train_all(
            seeds, states, tasks, counts[index], index,
            network=settings.network, training=settings.training, warm_start=settings.warm_start,
        )  # fmt: skip
        jax.block_until_ready(grade)
        trained = time.perf_counter()
        states, query = query_all(seeds, states._replace(train=train), tasks, counts[index], index, settings=settings)
        jax.block_until_ready(query)
        num_labeled = jnp.full(seeds.shape, counts[index], jnp.int32)
        record = CycleRecord(num_labeled, grade, query.indices, query.reached)
        yield Step(record, states, trained - began, time.perf_counter() - trained)


@functools.partial(jax.jit, static_argnames="settings")
def run_scanned(
    seeds: UInt32[Array, " s"], states: LoopState, tasks: Task, counts: Int[Array, " t"], *, settings: LoopSettings
) -> CycleRecord:
    """Runs all cycles in one compiled call.

    Args:
      seeds: as in `run_stepwise`.
      states: as in `run_stepwise`.
      tasks: as in `run_stepwise`.
      counts: as in `run_stepwise`, as an array.
      settings: Static.

    Returns:
      Records, stacked over cycles, then seeds.
    """

    def advance(states, step):
        return _over_seeds(functools.partial(cycle, settings=settings), seeds, states, tasks, *step)

    return lax.scan(advance, states, (counts, jnp.arange(counts.shape[0], dtype=jnp.int32)))[1]


def _stages(network: Network, num_seeds: int) -> tuple[Callable[..., Any], Callable[..., Any], Any]:
    """Returns how to train, how to query, and where arrays are to be: the one place that looks at the backend."""
    if network.convolutional and jax.default_backend() == "cpu":
        return _train_one_by_one, _query_one_by_one, SingleDeviceSharding(jax.devices()[0])
    return _train_together, _query_together, _sharding(num_seeds)


def _train_together(seeds, states, tasks, count: int, index: int, **static) -> tuple[TrainState, Grade]:
    return _train_call(seeds, states, tasks, _int32(count), _int32(index), **static)


def _query_together(seeds, states, tasks, count: int, index: int, *, settings) -> tuple[LoopState, Query]:
    return _query_call(seeds, states, tasks, _int32(count), _int32(index), settings=settings)


@functools.partial(jax.jit, static_argnames=("network", "training", "warm_start"))
def _train_call(seeds, states, tasks, num_labeled, index, **static):
    return _over_seeds(functools.partial(train_stage, **static), seeds, states, tasks, num_labeled, index)


@functools.partial(jax.jit, static_argnames="settings")
def _query_call(seeds, states, tasks, num_labeled, index, *, settings: LoopSettings):
    return _over_seeds(functools.partial(query_stage, settings=settings), seeds, states, tasks, num_labeled, index)


def _train_one_by_one(seeds, states, tasks, count: int, index: int, **static) -> tuple[TrainState, Grade]:
    def train_one(seed, state, task):
        return train_stage(_cycle_key(seed, index), state, task, count, learner=STEP_BY_STEP, **static)

    return _one_by_one(train_one, seeds, states, tasks)


def _query_one_by_one(seeds, states, tasks, count: int, index: int, *, settings) -> tuple[LoopState, Query]:
    def query_one(seed, state, task):
        if count >= state.chosen.shape[0]:
            return state, ask_nothing(settings)
        key = _cycle_key(seed, index)
        view = look(key, state.train, task, settings=settings, learner=STEP_BY_STEP)
        return _ask_call(key, state, view, task, _int32(count), settings=settings)

    return _one_by_one(query_one, seeds, states, tasks)


_ask_call = jax.jit(ask, static_argnames="settings")


def _one_by_one(stage: Callable[..., Any], seeds, states, tasks):
    outcomes = [stage(*jax.tree.map(lambda part, i=i: part[i], (seeds, states, tasks))) for i in range(len(seeds))]
    return jax.tree.map(lambda *parts: jnp.stack(parts), *outcomes)


def _over_seeds(stage: Callable[..., Any], seeds, states, tasks, num_labeled, index):
    """Maps a stage over seeds: shared out evenly over devices, `vmap` on each."""

    def stage_of_some(seeds, states, tasks, num_labeled, index):
        def stage_of_one(seed, state, task):
            return stage(_cycle_key(seed, index), state, task, num_labeled)

        return jax.vmap(stage_of_one)(seeds, states, tasks)

    sharding = _sharding(len(seeds))
    if isinstance(sharding, SingleDeviceSharding):
        return stage_of_some(seeds, states, tasks, num_labeled, index)
    spread = jax.shard_map(
        stage_of_some,
        mesh=sharding.mesh,
        in_specs=(sharding.spec, sharding.spec, sharding.spec, PartitionSpec(), PartitionSpec()),
        out_specs=sharding.spec,
        # Nothing is exchanged between devices; the check would want every loop's carry annotated as varying.
        check_vma=False,
    )
    return spread(seeds, states, tasks, num_labeled, index)


def _cycle_key(seed, index):
    return jax.random.fold_in(jax.random.key(seed), index)


def _int32(number: int) -> Int[Array, ""]:
    return jnp.asarray(number, jnp.int32)


def _sharding(num_seeds: int) -> NamedSharding | SingleDeviceSharding:
    """Shares seeds out evenly over as many devices as divide them.

    What a stage returns is placed as what it was given, or the second cycle would compile anew.
    """
    devices = jax.devices()
    num_devices = max(n for n in range(1, len(devices) + 1) if num_seeds % n == 0)
    if num_devices == 1:
        return SingleDeviceSharding(devices[0])
    mesh = jax.make_mesh((num_devices,), ("seeds",), (AxisType.Auto,), devices=devices[:num_devices])
    return NamedSharding(mesh, PartitionSpec("seeds"))
