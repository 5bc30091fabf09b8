"""What became slower from one results file to another, beyond the noise of both.

The rule, case by case (kernel, sizes, device), for the library alone:

1. The cost of a case is its time over a yardstick that was measured beside it, so that a slower machine is no slower
   kernel. Yardsticks are the peers that both runs have, whose answers agree; a sibling is none, being the library too.
   Without one it is the floor, which rests on the machine's product and stream rates in that run.
2. The change is the new cost over the old, the median over yardsticks. Below 2 ms the change of the shortest
   repetitions is taken where that is nearer to 1: medians jump there when a pool of threads has fallen asleep.
3. The noise of a run is the interquartile range of the cost over its repetitions, in parts of the median.
4. Slower is a change above 1 + max(least, 2 x the root of the sum of both squared noises), with 0.15 for the least
   against peers, 0.3 against the floor; faster is one below the inverse.

First calls have no repetitions and programs no noise: a first call that takes 1.5 times as long and 0.2 s more, and a
program that needs 1.1 times the memory, are told beside, and decide nothing.
"""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import files
from benchmarks.files import Record
from benchmarks.runner import OURS
from benchmarks.sizes import told

_LEAST_BY_PEERS, _LEAST_BY_FLOOR = 0.15, 0.3
_NOISES = 2.0
_SHORT_S = 0.002
_FIRST_CALL_TIMES, _FIRST_CALL_MORE_S = 1.5, 0.2
_MEMORY_TIMES = 1.1
_BUSY = 0.5


class Cost(NamedTuple):
    """The time of a case in units of a yardstick.

    Attributes:
      median: over repetitions.
      least: of the shortest repetition of both.
      noise: interquartile range over the median.
    """

    median: float
    least: float
    noise: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Change:
    """How one case changed.

    Attributes:
      kernel: its name.
      sizes: its sizes.
      device: where.
      yardsticks: what it was measured by.
      factor: new cost over old.
      allowed: the largest factor that noise explains.
      remarks: what else changed.
    """

    kernel: str
    sizes: Mapping[str, int]
    device: str
    yardsticks: tuple[str, ...]
    factor: float
    allowed: float
    remarks: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Says "slower", "faster" or "as before"."""
        if self.factor > self.allowed:
            return "slower"
        return "faster" if self.factor < 1 / self.allowed else "as before"


def compare(old: Sequence[Record], new: Sequence[Record]) -> list[Change]:
    """Compares every case that both have.

    Raises:
      ValueError: they have none in common.
    """
    before, after = files.latest(old), files.latest(new)
    shared = [case for case in after if case in before and OURS in before[case] and OURS in after[case]]
    if not shared:
        devices = [", ".join(sorted({files.device_of(record) for record in records})) for records in (old, new)]
        raise ValueError(
            f"both files must have a case in common, of the same kernel, sizes and device; the old one is of "
            f"{devices[0]}, the new one of {devices[1]}."
        )
    return [_change(before[case], after[case]) for case in shared]


def compare_files(old: Path, new: Path) -> int:
    """Prints what changed between two files; returns 1 if something became slower, else 0.

    Raises:
      ValueError: a file that cannot be read, or no case in common.
    """
    return tell(files.read(old), files.read(new))


def tell(old: Sequence[Record], new: Sequence[Record]) -> int:
    """Prints what changed; returns 1 if something became slower, else 0."""
    changes = compare(old, new)
    for change in sorted(changes, key=lambda change: -change.factor):
        print(_line(change))
    if _busy(old, new):
        print("!!! the machine's rates differ by more than half: something else ran in one of the runs; measure again")
    slower = sum(change.verdict == "slower" for change in changes)
    print(f"{len(changes)} cases compared: {slower} slower, {sum(c.verdict == 'faster' for c in changes)} faster")
    return 1 if slower else 0


def _change(before: Mapping[str, Record], after: Mapping[str, Record]) -> Change:
    peers = [name for name in after if name in before and _is_yardstick(name, before) and _is_yardstick(name, after)]
    pairs = [(_by_peer(before, name), _by_peer(after, name)) for name in peers]
    least = _LEAST_BY_PEERS
    if not pairs:
        pairs, least = [(_by_floor(before[OURS]), _by_floor(after[OURS]))], _LEAST_BY_FLOOR
    ours = after[OURS]
    is_short = min(before[OURS]["run_s"]["median"], ours["run_s"]["median"]) < _SHORT_S
    noise = max(math.hypot(old.noise, new.noise) for old, new in pairs)
    return Change(
        kernel=ours["kernel"],
        sizes=ours["sizes"],
        device=files.device_of(ours),
        yardsticks=tuple(peers) or ("the machine's rates",),
        factor=statistics.median(_factor(old, new, is_short) for old, new in pairs),
        allowed=1 + max(least, _NOISES * noise),
        remarks=tuple(_remarks(before[OURS], ours)),
    )


def _is_yardstick(name: str, run: Mapping[str, Record]) -> bool:
    # A sibling has no agreement: it is the library, and may have become slower itself.
    verdict = run[OURS]["agreement"].get(name)
    return name in run and verdict is not None and verdict["agrees"]


def _factor(old: Cost, new: Cost, is_short: bool) -> float:
    by_median, by_least = new.median / old.median, new.least / old.least
    return min((by_median, by_least), key=lambda factor: abs(math.log(factor))) if is_short else by_median


def _by_peer(run: Mapping[str, Record], name: str) -> Cost:
    ours, theirs = (np.asarray(_repetitions(run[method])) for method in (OURS, name))
    return _cost(ours / theirs, ours.min() / theirs.min())


def _by_floor(record: Record) -> Cost:
    over_floor = np.asarray(_repetitions(record)) / record["floor"]["seconds"]
    return _cost(over_floor, over_floor.min())


def _cost(each: np.ndarray, least: float) -> Cost:
    low, middle, high = np.percentile(each, (25, 50, 75))
    return Cost(float(middle), float(least), float((high - low) / middle))


def _repetitions(record: Record) -> list[float]:
    # Records of an earlier harness hold extremes and median alone.
    run = record["run_s"]
    return run.get("each", [run["min"], run["median"], run["max"]])


def _remarks(old: Record, new: Record) -> list[str]:
    remarks = []
    first, again = old.get("compile_s"), new.get("compile_s")
    if first and again and again > _FIRST_CALL_TIMES * first and again > first + _FIRST_CALL_MORE_S:
        remarks.append(f"first call {first:.2f} s -> {again:.2f} s")
    before, after = (record["memory"].get("program_bytes") for record in (old, new))
    if before and after and after > _MEMORY_TIMES * before:
        remarks.append(f"program {before / 2**20:.1f} MiB -> {after / 2**20:.1f} MiB")
    return remarks


def _line(change: Change) -> str:
    mark = "!!! " if change.verdict == "slower" else ""
    remarks = "".join(f"; {remark}" for remark in change.remarks)
    return (
        f"{mark}{change.kernel} ({told(change.sizes)}) on {change.device}: {change.verdict}, "
        f"{change.factor:.2f} x (noise: up to {change.allowed:.2f}) by {', '.join(change.yardsticks)}{remarks}"
    )


def _busy(old: Sequence[Record], new: Sequence[Record]) -> bool:
    best: list[Any] = []
    for records in (old, new):
        rates = [record["machine_rates"] for record in records]
        best.append({name: statistics.median(rate[name] for rate in rates) for name in rates[0]})
    return any(min(a, b) < _BUSY * max(a, b) for a, b in ((best[0][name], best[1][name]) for name in best[0]))
