"""Runs an experiment strategy by strategy and yields its records as they come."""

import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from ddal_jax.drivers import run_stepwise
from ddal_jax.experiments.build import Trial
from ddal_jax.experiments.results import Record
from ddal_jax.loop import CycleRecord


def run(trial: Trial) -> Iterator[list[Record]]:
    """Yields, for each strategy and cycle in turn, one record per seed."""
    pools = np.asarray(trial.tasks.inputs)
    for strategy, settings in trial.settings.items():
        began = time.perf_counter()
        cycles = run_stepwise(trial.seeds, trial.states, trial.tasks, trial.counts, settings=settings)
        for cycle, stacked in enumerate(cycles):
            stacked = jax.device_get(stacked)
            where = {"data": trial.config.data, "strategy": strategy, "cycle": cycle}
            yield _records(stacked, pools, **where, seconds_all_seeds=time.perf_counter() - began)
            began = time.perf_counter()


def num_lists(trial: Trial) -> int:
    """Returns how many lists `run` yields."""
    return len(trial.counts) * len(trial.settings)


def _records(stacked: CycleRecord, pools: Float[np.ndarray, "s n d"], **shared: Any) -> list[Record]:
    is_planar = pools.shape[2] == 2
    records = []
    for seed, (num_labeled, accuracy, queried, reached) in enumerate(zip(*stacked, strict=True)):
        asked = queried >= 0
        record = Record(
            **shared,
            seed=seed,
            num_labeled=int(num_labeled),
            accuracy=float(accuracy),
            queried=queried[asked].tolist(),
            reached=reached[asked].tolist(),
            points=pools[seed][queried[asked]].tolist() if is_planar else None,
        )
        records.append(record)
    return records
