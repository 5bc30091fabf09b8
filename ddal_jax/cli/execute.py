"""Runs experiments for the command line: refused before anything is written, resumed where they stopped."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ddal_jax.cli.session import console, progress
from ddal_jax.experiments import journal, results
from ddal_jax.experiments.build import Trial, build, check
from ddal_jax.experiments.config import RunConfig
from ddal_jax.experiments.journal import Position
from ddal_jax.experiments.results import RunHeader
from ddal_jax.experiments.run import num_cycles, run
from ddal_jax.experiments.snapshots import snapshot


def execute(configs: Sequence[RunConfig], folder: Path) -> None:
    """Runs the tasks of an experiment into `folder`, or what of them is not there yet.

    Raises:
      ValueError: settings that cannot be run, or a folder with other results.
    """
    for config in configs:
        check(config)
    headers = [results.header(config) for config in configs]
    present = (folder / journal.RESULTS).exists()
    if present:
        journal.refuse_another_experiment(folder, headers)
    trials = [build(config) for config in configs]
    num_records = sum(num_cycles(trial) * trial.config.num_seeds for trial in trials)
    if present and journal.is_complete(folder, num_records):
        console.print(f"{folder} holds this experiment complete; nothing is left to run.", markup=False)
        return
    position = journal.resume(folder, headers) if present else journal.begin(folder, headers)
    _tell_where(position, headers, folder)
    _run_from(position, trials, folder)
    journal.finish(folder)


def _run_from(position: Position | None, trials: Sequence[Trial], folder: Path) -> None:
    tasks = [trial.config.task for trial in trials]
    first = tasks.index(position.task) if position else 0
    for trial in trials[first:]:
        _tell_of_a_smaller_last_batch(trial)
        after = position if position and trial.config.task == position.task else None
        with progress(trial.config.task, num_cycles(trial)) as meter:
            for finished in run(trial, after):
                if finished.position.strategy == trial.config.watch:
                    snapshot(trial, finished, folder)
                journal.add(folder, finished.records, finished.position)
                meter.advance(finished.records)


def _tell_where(position: Position | None, headers: Sequence[RunHeader], folder: Path) -> None:
    if position is None:
        return
    console.print(
        f"Going on in {folder}: {position.task}, {position.strategy}, cycle {position.next_cycle}.", markup=False
    )
    before = results.read_runs(folder / journal.RESULTS)[0].environment
    changed = [name for name, value in headers[0].environment.items() if before.get(name) != value]
    if changed:
        console.print(f"Not as before: {', '.join(changed)}. Results may differ in the last bits.", markup=False)


def _tell_of_a_smaller_last_batch(trial: Trial) -> None:
    asked = np.diff(trial.counts)
    usual = trial.config.labels_per_cycle
    if asked.size and asked[-1] < usual:
        console.print(f"{trial.config.task}: the last batch asks {asked[-1]} labels, not {usual}, to meet the budget.")
