"""`ddal demo`: the method at work on real data, with pictures that show why it differs."""

import argparse
import dataclasses
from pathlib import Path

from ddal_jax.cli.execute import execute
from ddal_jax.cli.run import quick
from ddal_jax.cli.session import console, prepare_jax
from ddal_jax.cli.table import print_table
from ddal_jax.experiments import journal, results
from ddal_jax.experiments.presets import DEMO
from ddal_jax.figures import board, demo

_PICTURES = ("curves.png", "switch.png", "checkerboard.png")
_TASKS = {config.task for config in DEMO}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"), metavar="DIR", help="default: demo")
    parser.add_argument("--seeds", type=int, default=DEMO[0].num_seeds, metavar="N", help="repetitions on digits")
    parser.add_argument("--quick", action="store_true", help="two seeds, five epochs, a few cycles: only to see it run")


def main(arguments: argparse.Namespace) -> int:
    """Runs both tasks, prints the table and writes results and figures; an earlier demo there is replaced."""
    prepare_jax()
    configs = (dataclasses.replace(DEMO[0], num_seeds=arguments.seeds), DEMO[1])
    if arguments.quick:
        configs = tuple(map(quick, configs))
    folder = arguments.output
    _make_room(folder)
    execute(configs, folder)

    of_digits, of_board = configs
    records = results.read(folder / journal.RESULTS).records
    own = {config: [record for record in records if record.task == config.task] for config in configs}
    title = f"scikit-learn digits, {of_digits.num_seeds} seeds (bands: ± 2 standard errors)"
    demo.learning_curves(own[of_digits], folder / "curves.png", title=title)
    panels = {f"{config.task}, {config.num_seeds} seeds": own[config] for config in configs}
    demo.switch(panels, folder / "switch.png")
    board.checkerboard_queries(own[of_board], folder / "checkerboard.png", num_squares=4)
    print_table(own[of_digits], explorer=demo.DIFFUSION)
    console.print(
        f"{demo.DIFFUSION}: Eq. (6), graph {of_digits.graph.symmetrize}. unexplored: share of its next query that no "
        "label reached."
    )
    console.print(f"Written to {folder}/: {', '.join((journal.RESULTS, *_PICTURES))}", markup=False)
    return 0


def _make_room(folder: Path) -> None:
    """Removes an earlier demo.

    Raises:
      ValueError: what is there is no demo.
    """
    path = folder / journal.RESULTS
    pictures = [name for name in _PICTURES if (folder / name).exists()]
    present = [journal.RESULTS, *pictures] if path.exists() else pictures
    if present and (not path.exists() or {run.task for run in results.read_runs(path)} != _TASKS):
        raise ValueError(f"--output must not hold other results; {folder} has {', '.join(present)}, not of a demo.")
    for name in (journal.RESULTS, journal.STATE, *_PICTURES):
        (folder / name).unlink(missing_ok=True)
