"""Records as lines of a plain text table."""

from typing import Any

from benchmarks.machine import Rates
from benchmarks.runner import OURS
from benchmarks.sizes import LETTERS, told
from benchmarks.targets import first_call_target

_HEADINGS = (
    ("method", 16),
    ("compile s", 10),
    ("median ms", 11),
    ("min", 10),
    ("max", 10),
    ("cores", 6),
    ("floor ms", 10),
    ("x floor", 8),
    ("prog MiB", 9),
    ("grew MiB", 9),
    ("RSS MiB", 8),
)
_SIZE_WIDTH = 8


def title(kernel: str, device: dict[str, Any], rates: Rates) -> str:
    """Names the kernel, the machine and what the machine can do."""
    where = f"{device['platform']} x {device['device_count']} ({device['cpu']}, {device['cpu_count']} cores)"
    return f"\n{kernel} on {where}\n{rates_line(rates)}"


def rates_line(rates: Rates) -> str:
    """Tells the machine's rates."""
    return (
        f"float32 product: NumPy {rates.numpy_product:.0f} GF/s, XLA {rates.xla_product:.0f} GF/s; "
        f"stream: {rates.stream:.1f} GB/s"
    )


def header(parameters: tuple[str, ...]) -> str:
    """Names the columns."""
    sizes = "".join(f"{LETTERS[name]:>{_SIZE_WIDTH}}" for name in parameters)
    return sizes + "  " + "".join(_cell(heading, width) for heading, width in _HEADINGS) + "  ratios, agreement"


def line(record: dict[str, Any]) -> str:
    """Renders one record under `header`."""
    run, floor, memory = record["run_s"], record["floor"], record["memory"]
    values = (
        record["method"],
        _number(record["compile_s"], 1, 2),
        _number(run["median"], 1e3, 3),
        _number(run["min"], 1e3, 3),
        _number(run["max"], 1e3, 3),
        f"{run['cores']:.1f}",
        _number(floor["seconds"], 1e3, 3),
        _number(floor["reached_over_floor"], 1, 1),
        _number(memory["program_bytes"], 2**-20, 1),
        _number(memory["grown_bytes"], 2**-20, 1),
        _number(memory["peak_rss_bytes"], 2**-20, 0),
    )
    sizes = "".join(f"{value:>{_SIZE_WIDTH}}" for value in record["sizes"].values())
    cells = "".join(_cell(value, width) for value, (_, width) in zip(values, _HEADINGS, strict=True))
    return f"{sizes}  {cells}  {_comparison(record)}".rstrip()


def remarks(record: dict[str, Any]) -> list[str]:
    """Returns what must not be overlooked in a record: answers that differ, peers that are not installed."""
    if record["method"] != OURS:
        # The record of ours, printed first, holds them all.
        return []
    case = f"{record['kernel']} ({told(record['sizes'])})"
    found = [
        f"!!! DISAGREEMENT: {case}: {record['method']} and {name} give different answers: {agreement['measure']} "
        f"{agreement['value']}, limit {agreement['limit']}. {agreement['detail']}".rstrip()
        for name, agreement in record["agreement"].items()
        if not agreement["agrees"]
    ]
    missing = record["missing_peers"].items()
    return found + [f"missing peer {name}: install it with `pip install {package}`" for name, package in missing]


def first_calls(records: list[dict[str, Any]]) -> list[str]:
    """Tells the slowest first call of each kernel, and whether it keeps to what it is allowed."""
    slowest: dict[str, float] = {}
    for record in records:
        if record["method"] == OURS:
            slowest[record["kernel"]] = max(slowest.get(record["kernel"], 0.0), record["compile_s"])
    lines = ["\nfirst calls (trace, lowering and compilation)"]
    for kernel, seconds in slowest.items():
        most = first_call_target(kernel)
        lines.append(f"{kernel:>20} {seconds:8.2f} s, {'within' if seconds <= most else 'ABOVE'} {most:g} s")
    return lines


def _comparison(record: dict[str, Any]) -> str:
    ratios = [f"{ratio:.3g} x {name}" for name, ratio in record["ratios"].items()]
    verdicts = {agreement["agrees"] for agreement in record["agreement"].values()}
    if verdicts:
        ratios.append("agrees" if verdicts == {True} else "DISAGREES")
    return ", ".join(ratios)


def _cell(text: str, width: int) -> str:
    return f" {text:>{width - 1}}"


def _number(value: float | None, factor: float, digits: int) -> str:
    return "-" if value is None else f"{value * factor:.{digits}f}"
