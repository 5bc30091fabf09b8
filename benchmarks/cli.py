"""The command line: which kernels, over which sizes, and where the records go."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, table
from benchmarks.cases import CASES
from benchmarks.machine import Rates
from benchmarks.runner import run_case
from benchmarks.sizes import DEFAULT_GRID, LETTERS, PARAMETERS, Sizes, expand, smallest

_ALL = "all"
_PROBES = {"order": 2048, "stream_mib": 256}
_QUICK_PROBES = {"order": 1024, "stream_mib": 32}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the benchmarks that the arguments ask for.

    Returns:
      0, or 1 if a peer's answer was not ours.

    Raises:
      SystemExit: code 2 when the arguments make no case.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    grid = {name: getattr(options, name) for name in PARAMETERS}
    if options.quick:
        grid, options.repeats = smallest(grid), 1
    kernels = list(CASES) if _ALL in options.kernels else list(dict.fromkeys(options.kernels))
    try:
        plan = {kernel: list(expand(grid, CASES[kernel].parameters)) for kernel in kernels}
    except ValueError as error:
        parser.error(str(error))
    if options.output is not None and not options.output.parent.is_dir():
        parser.error("--output must name a file in a folder that exists.")

    records, best = [], None
    for kernel, cases in plan.items():
        new, best = _run_kernel(kernel, cases, options, best)
        records += new
    disagreements = [remark for record in records for remark in table.remarks(record) if remark.startswith("!!!")]
    print("", *dict.fromkeys(disagreements), sep="\n")
    return 1 if disagreements else 0


def _run_kernel(
    kernel: str, cases: list[Sizes], options: argparse.Namespace, best: Rates | None
) -> tuple[list[dict[str, Any]], Rates]:
    """Prints and writes one table; returns its records and the best rates seen so far."""
    probes = _QUICK_PROBES if options.quick else _PROBES
    before = machine.measure_rates(**probes)
    best = before if best is None else machine.best_of(best, before)
    print(table.title(kernel, machine.device(), before))
    print(table.header(CASES[kernel].parameters))
    records = []
    for sizes in cases:
        new = run_case(kernel, sizes, with_peers=options.peers, repeats=options.repeats, rates=before, best=best)
        _publish(new, options.output)
        records += new
    after = machine.measure_rates(**probes)
    best = machine.best_of(best, after)
    print("afterwards: " + table.rates_line(after))
    if any(2 * rate < top for rates in (before, after) for rate, top in zip(rates, best, strict=True)):
        print("!!! a rate is less than half of the best of this run: something else runs here; measure again")
    return records, best


def _publish(records: list[dict[str, Any]], output: Path | None) -> None:
    for record in records:
        print(table.line(record), *table.remarks(record), sep="\n", flush=True)
    if output is not None:
        with output.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(record, allow_nan=False) + "\n" for record in records)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Times the kernels of ddal_jax over a grid of sizes, beside other libraries with --peers.",
    )
    names = ", ".join([*CASES, _ALL])
    about = f"any of: {names} (default: {_ALL})"
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", type=_kernel, default=[_ALL], help=about)
    parser.add_argument("--peers", action="store_true", help="time other libraries on the same cases, on CPU")
    for name in PARAMETERS:
        default = ",".join(map(str, DEFAULT_GRID[name]))
        about = f"values of {LETTERS[name]}, separated by commas (default: {default})"
        parser.add_argument(f"--{name}", type=_sizes, default=DEFAULT_GRID[name], metavar=LETTERS[name], help=about)
    parser.add_argument("--repeats", type=_count, default=7, help="rounds in which every method runs (default: 7)")
    parser.add_argument("--output", type=Path, metavar="FILE.jsonl", help="append one JSON line a record to this file")
    parser.add_argument("--quick", action="store_true", help="only the smallest size of each kernel, one round")
    return parser


def _kernel(text: str) -> str:
    if text not in CASES and text != _ALL:
        raise argparse.ArgumentTypeError(f"no kernel is named {text!r}; known are {', '.join(CASES)} and {_ALL}")
    return text


def _count(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_count(value) for value in text.split(","))
