"""Runs experiments for the command line: refused before anything is written, resumed where they stopped."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ddal_jax.cli.session import console, progress
from ddal_jax.experiments import journal, results
from ddal_jax.experiments.build import Trial, build, check
from ddal_jax.experiments.config import RunConfig
from ddal_jax.experiments.header import header
from ddal_jax.experiments.journal import Position
from ddal_jax.experiments.results import RunHeader
from ddal_jax.experiments.run import num_cycles, run
from ddal_jax.experiments.snapshots import snapshot


def execute(configs: Sequence[RunConfig], folder: Path) -> None:
    """Runs the tasks of an experiment into `folder`, or what of them is not there yet.

    Raises:
      ValueError: settings that cannot be run, or a folder with other results.
      OSError: data or weights that are not here, or a disk that is full.
    """
    for config in configs:
        check(config)
    trials = [build(config) for config in configs]
    headers = [header(trial) for trial in trials]
    position = None
    if (folder / journal.RESULTS).exists():
        journal.refuse_another_experiment(folder, headers)
        if journal.is_complete(folder, sum(num_cycles(trial) * trial.config.num_seeds for trial in trials)):
            console.print(f"{folder} holds this experiment complete; nothing is left to run.", markup=False)
            return
        _tell_what_changed(headers, folder)
        position = journal.resume(folder, headers)
    else:
        journal.begin(folder, headers)
    _run_from(position, trials, folder)
    journal.finish(folder)


def _run_from(position: Position | None, trials: Sequence[Trial], folder: Path) -> None:
    tasks = [trial.config.task for trial in trials]
    for trial in trials[tasks.index(position.task) if position else 0 :]:
        _tell_of_a_smaller_last_batch(trial)
        after = position if position and trial.config.task == position.task else None
        done = list(trial.settings).index(after.strategy) * len(trial.counts) + after.next_cycle if after else 0
        with progress(trial.config.task, total=num_cycles(trial), done=done) as meter:
            for finished in run(trial, after):
                if finished.position.strategy in trial.config.watch:
                    snapshot(trial, finished, folder)
                journal.add(folder, finished.records, finished.position)
                meter.advance(finished.records)


def _tell_what_changed(headers: Sequence[RunHeader], folder: Path) -> None:
    before, now = results.read_runs(folder / journal.RESULTS)[0].environment, headers[0].environment
    changed = [name for name, value in now.items() if before.get(name) != value]
    if {"commit", "ddal_jax"} & set(changed):
        console.print("The code is another than that of the records so far; the rest may not be comparable.")
    elif changed:
        console.print(f"Not as before: {', '.join(changed)}. Results may differ in the last bits.", markup=False)
    console.print(f"Going on in {folder}.", markup=False)


def _tell_of_a_smaller_last_batch(trial: Trial) -> None:
    asked = np.diff(trial.counts)
    usual = trial.config.labels_per_cycle
    if asked.size and asked[-1] < usual:
        console.print(f"{trial.config.task}: the last batch asks {asked[-1]} labels, not {usual}, to meet the budget.")
