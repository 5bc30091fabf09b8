"""Runs a task strategy by strategy and yields its cycles as they come."""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from ddal_jax.data import catalog
from ddal_jax.drivers import Step, run_stepwise
from ddal_jax.experiments import journal
from ddal_jax.experiments.build import Trial
from ddal_jax.experiments.journal import Position
from ddal_jax.experiments.results import Record
from ddal_jax.loop import LoopState

_DIGITS_OF_COORDINATES = 4


class Finished(NamedTuple):
    """A cycle that has ended.

    Attributes:
      records: one per seed.
      position: where the run stands after it.
      states_before: what the cycle started from.
      states: what the next one starts from.
    """

    records: list[Record]
    position: Position
    states_before: LoopState
    states: LoopState


def run(trial: Trial, after: Position | None = None) -> Iterator[Finished]:
    """Yields each strategy's cycles in turn, those after `after` if it is given; they are the same either way."""
    pools = np.asarray(trial.tasks.inputs)
    strategies = list(trial.settings)
    for strategy in strategies[strategies.index(after.strategy) if after else 0 :]:
        first_cycle, states = 0, trial.states
        if after and strategy == after.strategy:
            first_cycle, states = after.next_cycle, journal.restore(after, trial.states)
        steps = run_stepwise(
            trial.seeds, states, trial.tasks, trial.counts, settings=trial.settings[strategy], first_cycle=first_cycle
        )
        for cycle, step in enumerate(steps, start=first_cycle):
            leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(step.states)]
            position = Position(trial.config.task, strategy, cycle + 1, leaves)
            records = _records(trial, step, pools, strategy=strategy, cycle=cycle)
            _refuse_a_hole(trial, records)
            yield Finished(records, position, states, step.states)
            states = step.states


def num_cycles(trial: Trial) -> int:
    """Returns how many cycles `run` yields, over all strategies."""
    return len(trial.counts) * len(trial.settings)


def _records(trial: Trial, step: Step, pools: Float[np.ndarray, "s n ..."], **shared: Any) -> list[Record]:
    stacked = jax.device_get(step.record)
    is_planar = pools.shape[2:] == (2,)
    boundary_distance = catalog.boundary_distance(trial.config.data.name)
    records = []
    for place, seed in enumerate(trial.config.seeds):
        of_seed = jax.tree.map(lambda part, place=place: part[place], stacked)
        asked = of_seed.queried >= 0
        points = pools[place][of_seed.queried[asked]]
        if not of_seed.grade.finite:
            warnings.warn(
                f"{trial.config.task}, {shared['strategy']}, seed {seed}, cycle {shared['cycle']}: training has "
                "diverged; what the network answers is not finite.",
                stacklevel=2,
            )
        record = Record(
            **shared,
            task=trial.config.task,
            seed=seed,
            num_labeled=int(of_seed.num_labeled),
            accuracy=float(of_seed.grade.accuracy),
            balanced_accuracy=float(of_seed.grade.balanced_accuracy),
            queried=of_seed.queried[asked].tolist(),
            reached=of_seed.reached[asked].tolist(),
            points=_rounded(points) if is_planar else None,
            boundary_distances=_rounded(boundary_distance(points)) if boundary_distance else None,
            training_seconds=step.training_seconds,
            acquisition_seconds=step.acquisition_seconds,
        )
        records.append(record)
    return records


def _refuse_a_hole(trial: Trial, records: list[Record]) -> None:
    """Refuses a strategy that asks fewer points than the loop counts on: training would read a label never asked."""
    asked = {len(record.queried) for record in records}
    first = records[0]
    expected = trial.counts[first.cycle + 1] - first.num_labeled if first.cycle + 1 < len(trial.counts) else 0
    if asked != {expected}:
        raise RuntimeError(
            f"{first.strategy} must ask {expected} points in cycle {first.cycle} of {first.task}; it asked "
            f"{min(asked)} with some seed."
        )


def _rounded(values: np.ndarray) -> list[Any]:
    return np.asarray(values, np.float64).round(_DIGITS_OF_COORDINATES).tolist()
