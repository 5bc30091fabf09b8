"""Shows what an experiment found: the report, and its pictures where matplotlib is there."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from ddal_jax.cli import evaluate
from ddal_jax.cli.session import console
from ddal_jax.cli.table import print_table
from ddal_jax.experiments import journal, results


def show(folder: Path, pictures: Sequence[str]) -> None:
    """Prints and writes the report on a folder's results, and draws the figures common to all and those named.

    A single seed or strategy leaves nothing to compare; its learning curve is printed.
    """
    records = results.read(folder / journal.RESULTS).records
    if len({own.seed for own in records}) > 1 and len({own.strategy for own in records}) > 1:
        evaluate.judge(records, folder)
    else:
        print_table(records)
    if importlib.util.find_spec("matplotlib") is None:
        console.print('No pictures without matplotlib: pip install "ddal-jax\\[figures]".')
        return
    for name in pictures:
        PICTURES[name](folder, records)


def _board(folder: Path, records: list[results.Record]) -> None:
    from ddal_jax.figures import board

    board.checkerboard_queries(records, folder / "board.png", num_squares=4)


def _movie(folder: Path, records: list[results.Record]) -> None:
    from ddal_jax.experiments.snapshots import read_snapshots
    from ddal_jax.figures import course

    snapshots = read_snapshots(folder)
    if snapshots:
        course.still(snapshots, folder / "still.png")
        course.movie(snapshots, folder / "movie.gif")


def _stages(folder: Path, records: list[results.Record]) -> None:
    from ddal_jax.experiments.snapshots import read_snapshots
    from ddal_jax.figures import course

    course.stages(read_snapshots(folder), folder / "stages.png")


def _robustness(folder: Path, records: list[results.Record]) -> None:
    from ddal_jax.figures import robustness

    robustness.robustness(records, folder / "robustness.png")


PICTURES: dict[str, Callable[[Path, list[results.Record]], None]] = {
    "board": _board,
    "movie": _movie,
    "stages": _stages,
    "robustness": _robustness,
}
