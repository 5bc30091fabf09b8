"""Runs an experiment strategy by strategy and yields its records as they come."""

import time
from collections.abc import Iterator

import jax
import numpy as np

from ddal_jax.drivers import run_stepwise
from ddal_jax.experiments.build import build
from ddal_jax.experiments.config import RunConfig
from ddal_jax.experiments.results import Record


def run(config: RunConfig) -> Iterator[list[Record]]:
    """Yields, for each strategy and cycle in turn, one record per seed."""
    trial = build(config)
    pools = np.asarray(trial.tasks.inputs)
    for strategy, settings in trial.settings.items():
        began = time.perf_counter()
        cycles = run_stepwise(trial.seeds, trial.states, trial.tasks, trial.counts, settings=settings)
        for cycle, stacked in enumerate(cycles):
            stacked = jax.device_get(stacked)
            seconds = time.perf_counter() - began
            yield [
                _record(config, strategy, seed, cycle, jax.tree.map(lambda part: part[seed], stacked), seconds, pool)
                for seed, pool in enumerate(pools)
            ]
            began = time.perf_counter()


def num_cycles(config: RunConfig) -> int:
    """Returns how many lists `run` yields."""
    return len(build(config).counts) * len(config.strategies)


def _record(config, strategy, seed, cycle, part, seconds, pool) -> Record:
    asked = part.queried >= 0
    queried = part.queried[asked]
    return Record(
        data=config.data,
        strategy=strategy,
        seed=seed,
        cycle=cycle,
        num_labeled=int(part.num_labeled),
        accuracy=float(part.accuracy),
        queried=queried.tolist(),
        reached=part.reached[asked].tolist(),
        points=pool[queried].tolist() if pool.shape[1] == 2 else None,
        seconds_all_seeds=seconds,
    )
