"""Shows what an experiment found: the report, and its pictures where the results hold what they draw."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

from ddal_jax.cli import evaluate
from ddal_jax.cli.session import console
from ddal_jax.cli.table import print_table
from ddal_jax.experiments import journal, results
from ddal_jax.experiments.results import Results


def show(folder: Path, pictures: Sequence[str], challenger: str | None = None) -> None:
    """Prints and writes the report on a folder's results, and draws the figures common to all and those named.

    A single seed, strategy or cycle leaves nothing to compare; its learning curve is printed.
    """
    found = results.read(folder / journal.RESULTS)
    if all(_count(found, name) > 1 for name in ("seed", "strategy", "cycle")):
        evaluate.judge(found, folder, challenger)
    else:
        print_table(found.records)
    if importlib.util.find_spec("matplotlib") is None:
        console.print('No pictures without matplotlib: pip install "ddal-jax\\[figures]".')
        return
    for name in pictures:
        if not PICTURES[name](folder, found):
            console.print(f"No picture {name!r}: these results do not hold what it draws.")


def _count(found: Results, field: str) -> int:
    return len({getattr(record, field) for record in found.records})


def _board(folder: Path, found: Results) -> bool:
    from ddal_jax.figures import board

    if any(run.config["data"]["name"] != "checkerboard" for run in found.runs) or _count(found, "cycle") < 2:
        return False
    board.checkerboard_queries(found.records, folder / "board.png", num_squares=4)
    return True


def _movie(folder: Path, found: Results) -> bool:
    from ddal_jax.experiments.snapshots import read_snapshots
    from ddal_jax.figures import course

    watched = [name for run in found.runs for name in run.config["watch"]]
    drawn = False
    for strategy in dict.fromkeys(watched):
        snapshots = read_snapshots(folder, strategy)
        if course.can_be_drawn(snapshots):
            course.still(snapshots, folder / f"still-{strategy}.png")
            course.movie(snapshots, folder / f"movie-{strategy}.gif")
            drawn = True
    return drawn


def _stages(folder: Path, found: Results) -> bool:
    from ddal_jax.experiments.snapshots import read_snapshots
    from ddal_jax.figures import course

    for strategy in found.runs[0].config["watch"]:
        snapshots = read_snapshots(folder, strategy)
        if course.can_be_drawn(snapshots) and len(snapshots[0].neighbors):
            course.stages(snapshots, folder / "stages.png")
            return True
    return False


def _robustness(folder: Path, found: Results) -> bool:
    from ddal_jax.figures import robustness

    if any(_count(found, name) < 2 for name in ("strategy", "cycle")):
        return False
    robustness.robustness(found, folder / "robustness.png")
    return True


# Each draws its picture and says so, or says that it could not.
PICTURES: dict[str, Callable[[Path, Results], bool]] = {
    "board": _board,
    "movie": _movie,
    "stages": _stages,
    "robustness": _robustness,
}
