"""`ddal demo`: the method at work on real data, with pictures that show why it differs."""

import argparse
import dataclasses
import json
from pathlib import Path

from ddal_jax import figures
from ddal_jax.cli.execute import execute, print_table
from ddal_jax.cli.run import quick
from ddal_jax.cli.session import console, prepare_jax
from ddal_jax.experiments import results
from ddal_jax.experiments.build import build
from ddal_jax.experiments.presets import CHECKERBOARD, DIGITS

_COMMAND = "ddal demo"
_WRITTEN = ("results.jsonl", "config.json", "curves.png", "switch.png", "checkerboard.png")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument("-o", "--output", type=Path, default=Path("demo"), metavar="DIR", help="default: demo")
    parser.add_argument("--seeds", type=int, default=DIGITS.num_seeds, metavar="N", help="repetitions on digits")
    parser.add_argument("--quick", action="store_true", help="two seeds, five epochs, a few cycles: only to see it run")


def main(arguments: argparse.Namespace) -> int:
    """Runs both tasks, prints the table and writes results and figures; an earlier demo there is replaced."""
    prepare_jax()
    digits, board = dataclasses.replace(DIGITS, num_seeds=arguments.seeds), CHECKERBOARD
    if arguments.quick:
        digits, board = quick(digits), quick(board)
    folder = arguments.output
    _refuse_other_results(folder)
    trials = build(digits), build(board)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _WRITTEN:
        (folder / name).unlink(missing_ok=True)
    results.write_json(folder / "config.json", {"command": _COMMAND, **results.describe(digits, board)})

    path = folder / "results.jsonl"
    of_digits, of_board = (execute(trial, path) for trial in trials)
    title = f"scikit-learn digits, {digits.num_seeds} seeds (bands: ± 2 standard errors)"
    figures.learning_curves(of_digits, folder / "curves.png", title=title)
    panels = {f"digits, {digits.num_seeds} seeds": of_digits, f"checkerboard, {board.num_seeds} seeds": of_board}
    figures.switch(panels, folder / "switch.png")
    figures.checkerboard_queries(of_board, folder / "checkerboard.png", num_squares=4)
    print_table(digits, of_digits)
    console.print(f"Written to {folder}/: {', '.join(_WRITTEN)}", markup=False)
    return 0


def _refuse_other_results(folder: Path) -> None:
    present = [name for name in _WRITTEN if (folder / name).exists()]
    if present and not _is_demo(folder):
        raise ValueError(f"--output must not hold other results; {folder} has {', '.join(present)}, not of a demo.")


def _is_demo(folder: Path) -> bool:
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8")).get("command") == _COMMAND
    except (OSError, ValueError, AttributeError):
        return False
