"""Learning curves as tables."""

from collections.abc import Sequence

import numpy as np
import rich.table

from ddal_jax.cli.session import console
from ddal_jax.experiments.results import Record
from ddal_jax.experiments.summary import Point, means


def print_table(records: Sequence[Record], *, explorer: str | None = None) -> None:
    """Prints held-out accuracy against labels, one table per task.

    Args:
      records: of any number of tasks.
      explorer: the strategy whose share of unexplored queries is shown beside.
    """
    for task in dict.fromkeys(record.task for record in records):
        own = [record for record in records if record.task == task]
        num_seeds = len({record.seed for record in own})
        console.print(f"\n{task}: held-out accuracy, mean ± standard error over {num_seeds} seeds", markup=False)
        console.print(_table(means(own), explorer))


def _table(by_strategy: dict[str, list[Point]], explorer: str | None) -> rich.table.Table:
    table = rich.table.Table()
    for name in ("labels", *by_strategy, *(["unexplored"] if explorer else [])):
        table.add_column(name, justify="right")
    for row in zip(*by_strategy.values(), strict=True):
        cells = [f"{point.accuracy:.3f} ± {point.standard_error:.3f}" for point in row]
        if explorer:
            cells.append(_share(row[list(by_strategy).index(explorer)]))
        table.add_row(str(row[0].num_labeled), *cells)
    return table


def _share(point: Point) -> str:
    return "" if np.isnan(point.unexplored) else f"{point.unexplored:.0%}"
