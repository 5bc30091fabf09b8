"""The command line: which kernels, over which sizes, and where the records go; or what results files say."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import jax

from benchmarks import compare, files, machine, report, table
from benchmarks.cases import CASES
from benchmarks.files import Record
from benchmarks.machine import Rates
from benchmarks.runner import run_case
from benchmarks.sizes import DEFAULT_GRID, LETTERS, PARAMETERS, Sizes, expand, smallest
from benchmarks.targets import sizes_of

_ALL = "all"
_PROBES = {"order": 2048, "stream_mib": 256}
_QUICK_PROBES = {"order": 1024, "stream_mib": 32}
_EPILOG = """\
Words may also be:
  compare OLD NEW     what became slower between two results files beyond their noise (exit code 1 if something did)
  report FILE ...     tables, targets met and figures from results files, written to -o DIR
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what the arguments ask for.

    Returns:
      0; 1 if a peer's answer was not ours, or something became slower.

    Raises:
      SystemExit: code 2 when the arguments make no case.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Times the kernels of ddal_jax over a grid of sizes, beside other libraries with --peers.",
    )
    add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except ValueError as error:
        parser.error(str(error))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the words of the command."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    names = ", ".join([*CASES, _ALL])
    parser.add_argument("words", nargs="*", metavar="KERNEL", help=f"any of: {names} (default: {_ALL})")
    parser.add_argument("--peers", action="store_true", help="time other libraries on the same cases, on CPU")
    sizes = parser.add_argument_group("sizes")
    for name in PARAMETERS:
        default = ",".join(map(str, DEFAULT_GRID[name]))
        about = f"values of {LETTERS[name]}, separated by commas (default: {default})"
        sizes.add_argument(f"--{name}", type=_sizes, metavar=LETTERS[name], help=about)
    sizes.add_argument("--quick", action="store_true", help="only the smallest size of each kernel, one round")
    sizes.add_argument("--targets", action="store_true", help="the sizes that targets are stated for, instead")
    how = parser.add_argument_group("how")
    how.add_argument("--repeats", type=_count, default=7, help="rounds in which every method runs (default: 7)")
    how.add_argument(
        "--host-devices", type=_count, metavar="D", help="make D JAX devices of the CPU, as `ddal run` does"
    )
    how.add_argument("--baseline", type=Path, metavar="FILE.jsonl", help="compare with this file at the end")
    how.add_argument(
        "-o", "--output", type=Path, metavar="PATH",
        help="append one JSON line a record to this file; with `report`, the folder it is written to",
    )  # fmt: skip


def begin(options: argparse.Namespace) -> None:
    """Prepares JAX for measuring; only before it has been used.

    Raises:
      ValueError: it has been used.
    """
    # A program fetched from a cache on disk would pass for a fast compilation.
    jax.config.update("jax_enable_compilation_cache", False)
    if options.host_devices is not None:
        try:
            jax.config.update("jax_num_cpu_devices", options.host_devices)
        except RuntimeError as error:
            raise ValueError(f"--host-devices must be set before JAX is used: {error}") from error


def run(options: argparse.Namespace) -> int:
    """Does what the options say; see `main`.

    Raises:
      ValueError: they make no case.
    """
    word, *others = options.words or [_ALL]
    return _VERBS.get(word, _measure)(options, others)


def _compare(options: argparse.Namespace, words: Sequence[str]) -> int:
    if len(words) != 2:
        raise ValueError(f"compare takes two files, OLD and NEW; got {len(words)}.")
    return compare.compare_files(*map(Path, words))


def _report(options: argparse.Namespace, words: Sequence[str]) -> int:
    if not words or options.output is None:
        raise ValueError("report takes one results file or more, and -o DIR.")
    written = report.write([Path(word) for word in words], options.output)
    print(f"Written to {options.output}/: {', '.join(written)}")
    return 0


_VERBS: dict[str, Callable[[argparse.Namespace, Sequence[str]], int]] = {"compare": _compare, "report": _report}


def _measure(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Times all cases; all that can be refused is refused before."""
    plan = _plan(options)
    if options.output is not None and not options.output.parent.is_dir():
        raise ValueError(f"--output must name a file in a folder that exists; got {options.output}.")
    baseline = None if options.baseline is None else files.read(options.baseline)
    begin(options)
    records, best = [], None
    for kernel, cases in plan.items():
        new, best = _run_kernel(kernel, cases, options, best)
        records += new
    print(*table.first_calls(records), sep="\n")
    disagreements = [remark for record in records for remark in table.remarks(record) if remark.startswith("!!!")]
    print("", *dict.fromkeys(disagreements), sep="\n")
    slower = 0 if baseline is None else compare.tell(baseline, records)
    return 1 if disagreements or slower else 0


def _plan(options: argparse.Namespace) -> dict[str, list[Sizes]]:
    """Returns the sizes of each kernel asked for."""
    words = options.words or [_ALL]
    for word in words:
        if word not in CASES and word != _ALL:
            raise ValueError(f"no kernel is named {word!r}; known are {', '.join(CASES)} and {_ALL}.")
    chosen = list(CASES) if _ALL in words else list(dict.fromkeys(words))
    given = {name: getattr(options, name) for name in PARAMETERS if getattr(options, name) is not None}
    if options.targets:
        given = [*given, *(["quick"] if options.quick else [])]
        if given:
            raise ValueError(f"--targets has sizes of its own; got --{', --'.join(given)} besides.")
        return {kernel: sizes_of(kernel, CASES[kernel].parameters) for kernel in chosen}
    grid = DEFAULT_GRID | given
    if options.quick:
        grid, options.repeats = smallest(grid), 1
    return {kernel: list(expand(grid, CASES[kernel].parameters)) for kernel in chosen}


def _run_kernel(
    kernel: str, cases: list[Sizes], options: argparse.Namespace, best: Rates | None
) -> tuple[list[Record], Rates]:
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


def _publish(records: list[Record], output: Path | None) -> None:
    for record in records:
        print(table.line(record), *table.remarks(record), sep="\n", flush=True)
    if output is not None:
        files.append(output, records)


def _count(text: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_count(value) for value in text.split(","))
