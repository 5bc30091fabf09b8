"""Results files: one JSON record a line."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.runner import OURS

Record = dict[str, Any]
_FIELDS = ("kernel", "method", "sizes", "run_s", "ratios", "floor", "memory", "agreement", "device", "machine_rates")


def append(path: Path, records: Iterable[Record]) -> None:
    """Adds records to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record, allow_nan=False) + "\n" for record in records)


def read(path: Path) -> list[Record]:
    """Reads the records of a file.

    Raises:
      ValueError: there is no such file, or a line of it is no record.
    """
    if not path.is_file():
        raise ValueError(f"a file of results must be one that is there; got {path}.")
    records = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
            missing = [name for name in _FIELDS if name not in record]
        except (json.JSONDecodeError, TypeError) as error:
            raise ValueError(f"{path} must hold one JSON record a line; line {number} is none: {error}.") from None
        if missing:
            raise ValueError(f"{path} must hold records of benchmarks; line {number} lacks {', '.join(missing)}.")
        records.append(record)
    if not records:
        raise ValueError(f"{path} must hold records; it is empty.")
    return records


def latest(records: Iterable[Record]) -> dict[tuple, dict[str, Record]]:
    """Groups the records of each case by method; a case that was run again counts as it was last.

    Returns:
      From `case_of` to the records of its last run, ours first.
    """
    runs: dict[tuple, dict[str, Record]] = {}
    for record in records:
        # The record of ours comes first, so it begins a new run.
        if record["method"] == OURS or case_of(record) not in runs:
            runs[case_of(record)] = {}
        runs[case_of(record)][record["method"]] = record
    return runs


def case_of(record: Mapping[str, Any]) -> tuple:
    """Returns what two records must share to be of the same work on the same machine."""
    return record["kernel"], device_of(record), tuple(sorted(record["sizes"].items()))


def device_of(record: Mapping[str, Any]) -> str:
    """Names the device and the processor beside it."""
    device = record["device"]
    count = device.get("device_count", 1)
    # On CPU the kind of the device says nothing that its model does not.
    kind = device["platform"] if device["platform"] == "cpu" else f"{device['platform']} {device['device_kind']}"
    devices = kind if count == 1 else f"{kind} x {count}"
    return f"{devices} ({device['cpu']}, {device['cpu_count']} cores)"
