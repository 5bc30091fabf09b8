"""`ddal evaluate FILE`: how well strategies label, from saved results, and what chance allows to say of it."""

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ddal_jax.cli.session import console
from ddal_jax.disk import whole
from ddal_jax.evaluate import METRICS, Comparison, compare, data_sets, refuse_unpaired_runs, report
from ddal_jax.experiments import results
from ddal_jax.experiments.results import Record, Results

_REPORTS = ("report.md", "report.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the subcommand."""
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="results.jsonl (or .gz), or a folder with one"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write the report and its figures there")
    parser.add_argument("--metric", default=METRICS[0], metavar="NAME", help=f"one of: {', '.join(METRICS)}")
    parser.add_argument("--reference", metavar="NAME", help="strategy to compare with (default: random, if there)")
    parser.add_argument("--challenger", metavar="NAME", help="strategy to test by itself against each other one")
    parser.add_argument(
        "--target", type=float, metavar="X", help="count labels to this value (default: where the reference ends)"
    )
    parser.add_argument("--json", action="store_true", help="print numbers instead of tables")


def main(arguments: argparse.Namespace) -> int:
    """Prints the comparison and, if asked, writes it and its figures; an earlier report there is replaced."""
    found = Results([], [])
    for file in arguments.files:
        runs, records = _read(file)
        found.runs.extend(runs)
        found.records.extend(records)
    comparison = _compare(
        found,
        metric=arguments.metric,
        reference=arguments.reference,
        target=arguments.target,
        challenger=arguments.challenger,
    )
    if arguments.json:
        sys.stdout.write(_json(comparison))
    else:
        _print(comparison)
    if arguments.output:
        drawn = _write(found.records, comparison, arguments.output)
        if not arguments.json:
            names = ", ".join([*_REPORTS, *drawn])
            console.print(f"\nWritten to {arguments.output}/: {names}", markup=False, soft_wrap=True)
    return 0


def judge(found: Results, folder: Path, challenger: str | None = None) -> None:
    """Prints the comparison of results and writes it, with its figures, to a folder."""
    comparison = _compare(found, challenger=challenger)
    _print(comparison)
    _write(found.records, comparison, folder)


def _compare(found: Results, **settings: Any) -> Comparison:
    refuse_unpaired_runs(found.runs)
    return compare(found.records, data_sets=data_sets(found.runs), **settings)


def _print(comparison: Comparison) -> None:
    console.print(report(comparison), markup=False, highlight=False, soft_wrap=True, end="")


def _read(file: Path) -> Results:
    candidates = [file / "results.jsonl", file / "results.jsonl.gz"] if file.is_dir() else [file]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise ValueError(f"FILE must be a file of results or a folder with results.jsonl or .jsonl.gz; got {file}.")
    return results.read(path)


def _json(comparison: Comparison) -> str:
    return json.dumps(comparison.as_dict(), indent=2, allow_nan=False) + "\n"


def _write(records: Sequence[Record], comparison: Comparison, folder: Path) -> list[str]:
    """Writes the report and returns the names of the figures drawn beside it."""
    for name, text in zip(_REPORTS, (report(comparison), _json(comparison)), strict=True):
        with whole(folder / name) as file:
            file.write(text.encode())
    try:
        from ddal_jax.figures import judgement
    except ImportError as error:
        warnings.warn(f"No figures drawn. {error}", stacklevel=2)
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # The comparison has told already what is left out.
        return judgement.draw(records, comparison, folder)
