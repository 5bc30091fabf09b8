"""Runs experiments for the command line: progress shown, records on disk as they come, a table at the end."""

from pathlib import Path

import numpy as np
import rich.table

from ddal_jax.cli.session import console, progress
from ddal_jax.experiments import results
from ddal_jax.experiments.build import Trial
from ddal_jax.experiments.config import RunConfig
from ddal_jax.experiments.results import Record
from ddal_jax.experiments.run import num_lists, run
from ddal_jax.experiments.summary import Point, curves


def execute(trial: Trial, path: Path) -> list[Record]:
    """Runs an experiment, appends its records to `path` and returns them."""
    _tell_of_a_smaller_last_batch(trial)
    everything: list[Record] = []
    with progress(trial.config.data, num_lists(trial)) as meter:
        for records in run(trial):
            results.append(path, records)
            everything.extend(records)
            meter.advance(records)
    return everything


def _tell_of_a_smaller_last_batch(trial: Trial) -> None:
    asked = np.diff(trial.counts)
    usual = trial.config.query_size * trial.config.num_sub_batches
    if asked.size and asked[-1] < usual:
        console.print(f"{trial.config.data}: the last batch asks {asked[-1]} labels, not {usual}, to meet the budget.")


def print_table(config: RunConfig, records: list[Record]) -> None:
    """Prints held-out accuracy against labels, and the share of diffusion's queries that were unexplored."""
    by_strategy = curves(records)
    console.print(f"\n{_title(config)}")
    table = rich.table.Table()
    table.add_column("labels", justify="right")
    for name in by_strategy:
        table.add_column(name, justify="right")
    if "diffusion" in by_strategy:
        table.add_column("unexplored", justify="right")
    for row in zip(*by_strategy.values(), strict=True):
        cells = [f"{point.accuracy:.3f} ± {point.standard_error:.3f}" for point in row]
        if "diffusion" in by_strategy:
            cells.append(_share(row[list(by_strategy).index("diffusion")]))
        table.add_row(str(row[0].num_labeled), *cells)
    console.print(table)
    if "diffusion" in by_strategy:
        console.print(_note(config))


def _title(config: RunConfig) -> str:
    return f"{config.data}: held-out accuracy, mean ± standard error over {config.num_seeds} seeds"


def _note(config: RunConfig) -> str:
    rule = f"{config.query.criterion}, diversity {config.query.diversity}, graph {config.graph.symmetrize}"
    return f"diffusion: {rule}. unexplored: share of its next query that no label reached."


def _share(point: Point) -> str:
    return "" if np.isnan(point.unexplored) else f"{point.unexplored:.0%}"
