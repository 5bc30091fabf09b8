"""How cost grows with N and with K: series of one method, and the slope of a line through them in log-log."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from benchmarks import files
from benchmarks.files import Record

GROWING = ("points", "neighbors")


class Series(NamedTuple):
    """One method over one size, all other sizes the same.

    Attributes:
      kernel: its name.
      device: where.
      parameter: the size that varies.
      others: all other sizes, as pairs.
      method: ours or a peer.
      values: of the size, ascending.
      seconds: median time at each.
      floors: least time at each; NaN for who is not held to it.
    """

    kernel: str
    device: str
    parameter: str
    others: tuple[tuple[str, int], ...]
    method: str
    values: list[int]
    seconds: list[float]
    floors: list[float]

    @property
    def slope(self) -> float:
        """The exponent that fits best: 2 where doubling the size costs four times as much."""
        return float(np.polyfit(np.log(self.values), np.log(self.seconds), 1)[0])


def series(records: Iterable[Record]) -> list[Series]:
    """Returns every series of two sizes or more, in the order of the records."""
    found: dict[tuple, dict[int, Record]] = {}
    for methods in files.latest(records).values():
        for method, record in methods.items():
            for parameter in GROWING:
                if parameter in record["sizes"]:
                    others = tuple((name, value) for name, value in record["sizes"].items() if name != parameter)
                    line = (record["kernel"], files.device_of(record), parameter, others, method)
                    found.setdefault(line, {})[record["sizes"][parameter]] = record
    return [_series(line, found[line]) for line in found if len(found[line]) > 1]


def _series(line: tuple, by_value: dict[int, Record]) -> Series:
    values = sorted(by_value)
    chosen = [by_value[value] for value in values]
    floors = [
        math.nan if record["floor"]["reached_over_floor"] is None else record["floor"]["seconds"] for record in chosen
    ]
    kernel, device, parameter, others, method = line
    seconds = [record["run_s"]["median"] for record in chosen]
    return Series(kernel, device, parameter, others, method, values, seconds, floors)
