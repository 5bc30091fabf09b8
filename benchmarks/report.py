"""A page of tables and figures as a function of results files: targets, first calls, one table a kernel and device."""

import statistics
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import files
from benchmarks.files import Record
from benchmarks.growth import Series, series
from benchmarks.machine import Rates
from benchmarks.runner import OURS
from benchmarks.sizes import LETTERS
from benchmarks.table import rates_line
from benchmarks.targets import TARGETS, Target, first_call_target
from ddal_jax.disk import whole

PAGE = "report.md"
_HEADINGS = (
    "method", "median ms", "min", "max", "spread", "first call s", "cores", "floor ms", "x floor", "program MiB",
    "grew MiB", "peak MiB", "ratio", "answer", "target",
)  # fmt: skip


def write(paths: Sequence[Path], folder: Path) -> list[str]:
    """Writes the page and its figures to a folder; those of the same names are replaced.

    Returns:
      The names of the files.

    Raises:
      ValueError: a file that is no file of results.
    """
    records = [record for path in paths for record in files.read(path)]
    found = series(records)
    figures = _figures(found, folder)
    with whole(folder / PAGE) as file:
        file.write(page(records, found, figures).encode())
    return [PAGE, *figures]


def page(records: Sequence[Record], found: Sequence[Series], figures: Sequence[str]) -> str:
    """Returns the page in Markdown."""
    runs = list(files.latest(records).values())
    parts = ["# Benchmarks\n"]
    for device in dict.fromkeys(files.device_of(record) for record in records):
        here = [run for run in runs if files.device_of(next(iter(run.values()))) == device]
        parts.append(_section(device, here))
    if found:
        parts.append("\n".join(["## Growth\n", *_growth(found), ""]))
    parts += [f"![{name}]({name})\n" for name in figures]
    return "\n".join(parts)


def _figures(found: Sequence[Series], folder: Path) -> list[str]:
    try:
        from benchmarks.plots import draw
    except ImportError as error:
        warnings.warn(f"No figures drawn. {error}", stacklevel=3)
        return []
    return draw(found, folder)


def _section(device: str, runs: Sequence[dict[str, Record]]) -> str:
    """Returns all tables of one device."""
    ours = [run[OURS] for run in runs if OURS in run]
    lines = [f"## {device}\n", *_machine([record for run in runs for record in run.values()])]
    lines += ["\n### Targets\n", *_targets(ours), "\n### First calls\n", *_first_calls(ours)]
    for kernel in dict.fromkeys(record["kernel"] for run in runs for record in run.values()):
        own = [run for run in runs if next(iter(run.values()))["kernel"] == kernel]
        lines += [f"\n### {kernel}\n", *_kernel_table(own)]
    return "\n".join([*lines, ""])


def _machine(records: Sequence[Record]) -> Iterator[str]:
    rates = Rates(*(statistics.median(record["machine_rates"][name] for record in records) for name in Rates._fields))
    yield f"{rates_line(rates)} (medians over the tables)  "
    for name in ("versions", "commit"):
        stated = dict.fromkeys(_stated(record, name) for record in records)
        yield f"{name}: {'; '.join(stated)}  "
    times = sorted(str(record.get("timestamp")) for record in records)
    yield f"measured: {times[0]} to {times[-1]}"


def _stated(record: Record, name: str) -> str:
    if name == "commit":
        return f"{record.get('commit')}{' (changed)' if record.get('dirty') else ''}"
    return ", ".join(f"{package} {version}" for package, version in record.get(name, {}).items() if version)


def _targets(ours: Sequence[Record]) -> Iterator[str]:
    """Yields what is met, what is not, and what was not measured."""
    yield from _heading("kernel", "size", "against", "at most", "reached", "verdict")
    missing = []
    for target in TARGETS:
        record = next((record for record in ours if target.matches(record)), None)
        ratio = None if record is None else target.reached(record)
        if ratio is None:
            missing.append(target)
            continue
        verdict = "met" if ratio <= target.largest else "**not met**"
        yield _row(target.kernel, target.size, target.rival, f"{target.largest:g}", f"{ratio:.3g}", verdict)
    yield f"\n{len(missing)} of {len(TARGETS)} targets were not measured here."


def _first_calls(ours: Sequence[Record]) -> Iterator[str]:
    """Yields the slowest compilation of each kernel."""
    yield from _heading("kernel", "first call s", "at most", "verdict")
    slowest: dict[str, float] = {}
    for record in ours:
        slowest[record["kernel"]] = max(slowest.get(record["kernel"], 0.0), record["compile_s"])
    for kernel, seconds in slowest.items():
        most = first_call_target(kernel)
        yield _row(kernel, f"{seconds:.2f}", f"{most:g}", "met" if seconds <= most else "**not met**")


def _kernel_table(runs: Sequence[dict[str, Record]]) -> Iterator[str]:
    letters = [LETTERS[name] for name in next(iter(runs[0].values()))["sizes"]]
    unit = next(iter(runs[0].values())).get("unit", "call")
    yield from _heading(*letters, *_HEADINGS, f"us a {unit}")
    for run in runs:
        for record in run.values():
            yield _row(*map(str, record["sizes"].values()), *_cells(record))


def _cells(record: Record) -> Iterator[str]:
    run, memory = record["run_s"], record["memory"]
    yield record["method"]
    yield from (f"{1e3 * run[name]:.3f}" for name in ("median", "min", "max"))
    yield f"{(run['max'] - run['min']) / run['median']:.0%}"
    yield "" if record.get("compile_s") is None else f"{record['compile_s']:.2f}"
    yield f"{run['cores']:.1f}"
    yield f"{1e3 * record['floor']['seconds']:.3f}"
    yield _number(record["floor"]["reached_over_floor"], 1)
    yield from (_number(memory.get(name), 2**20) for name in ("program_bytes", "grown_bytes", "peak_rss_bytes"))
    yield ", ".join(f"{ratio:.3g} x {name}" for name, ratio in record["ratios"].items())
    yield ", ".join(_verdict(name, agreement) for name, agreement in record["agreement"].items())
    yield ", ".join(_met(target, record) for target in TARGETS if target.matches(record))
    yield f"{1e6 * run['median'] / record.get('work', 1):.1f}"


def _verdict(name: str, agreement: dict[str, Any]) -> str:
    return f"{name} agrees" if agreement["agrees"] else f"**{name} differs**"


def _met(target: Target, record: Record) -> str:
    ratio = target.reached(record)
    verdict = "not measured" if ratio is None else "met" if ratio <= target.largest else "**not met**"
    return f"{target.largest:g} x {target.rival}: {verdict}"


def _growth(found: Sequence[Series]) -> Iterator[str]:
    yield from _heading("kernel", "device", "at", "method", "over", "cost grows as")
    for line in found:
        others = ", ".join(f"{LETTERS[name]} = {value}" for name, value in line.others)
        over = ", ".join(map(str, line.values))
        letter = LETTERS[line.parameter]
        yield _row(line.kernel, line.device, others, line.method, f"{letter} = {over}", f"{letter}^{line.slope:.2f}")


def _heading(*names: str) -> Iterable[str]:
    return _row(*names), _row(*("---" for _ in names))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None, divisor: float) -> str:
    return "" if value is None else f"{value / divisor:.1f}"
