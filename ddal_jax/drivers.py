"""Two ways to drive the loop over cycles and seeds; both take the same step and give the same records.

`run_stepwise` calls one compiled function per stage and cycle, so that progress shows and strategies share the
compilation of training. `run_scanned` is a single compiled call. Seeds are `vmap`, spread over the devices there are.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec, SingleDeviceSharding
from jaxtyping import Array, Int, UInt32

from ddal_jax.loop import CycleRecord, LoopSettings, LoopState, Task, cycle, query_stage, train_stage


def run_stepwise(
    seeds: UInt32[Array, " s"], states: LoopState, tasks: Task, counts: Sequence[int], *, settings: LoopSettings
) -> Iterator[CycleRecord]:
    """Yields the records of each cycle as it ends; two compiled calls a cycle, whatever the number of seeds.

    Args:
      seeds: one per repetition; cycle `t` of a seed draws from `fold_in(key(seed), t)`.
      states: initial states, stacked over seeds.
      tasks: stacked over seeds.
      counts: labels known in each cycle, from `label_counts`.
      settings: Static.

    Yields:
      Records, stacked over seeds.
    """
    seeds, states, tasks = jax.device_put((seeds, states, tasks), _sharding(len(seeds)))
    for index, count in enumerate(counts):
        step = (jnp.asarray(count, jnp.int32), jnp.asarray(index, jnp.int32))
        train, accuracy = _train_call(
            seeds, states, tasks, *step,
            network=settings.network, training=settings.training, warm_start=settings.warm_start,
        )  # fmt: skip
        states, query = _query_call(seeds, states._replace(train=train), tasks, *step, settings=settings)
        num_labeled = jnp.full(seeds.shape, count, jnp.int32)
        yield CycleRecord(num_labeled, accuracy, query.indices, query.reached)


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


@functools.partial(jax.jit, static_argnames=("network", "training", "warm_start"))
def _train_call(seeds, states, tasks, num_labeled, index, **static):
    return _over_seeds(functools.partial(train_stage, **static), seeds, states, tasks, num_labeled, index)


@functools.partial(jax.jit, static_argnames="settings")
def _query_call(seeds, states, tasks, num_labeled, index, *, settings: LoopSettings):
    return _over_seeds(functools.partial(query_stage, settings=settings), seeds, states, tasks, num_labeled, index)


def _over_seeds(stage: Callable[..., Any], seeds, states, tasks, num_labeled, index):
    """Maps a stage over seeds: shared out evenly over devices, `vmap` on each."""

    def stage_of_some(seeds, states, tasks, num_labeled, index):
        def stage_of_one(seed, state, task):
            return stage(jax.random.fold_in(jax.random.key(seed), index), state, task, num_labeled)

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
